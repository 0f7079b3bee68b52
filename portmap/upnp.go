package portmap

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/huin/goupnp"
	"github.com/huin/goupnp/dcps/internetgateway2"
	"github.com/huin/goupnp/soap"
)

const (
	// maxBody is for a description and for an answer; real ones have less than 20
	// kB.
	maxBody = 256 << 10
	// maxDevices is how many descriptions are read.
	maxDevices = 8
	// maxText is how much of an error is told, in characters.
	maxText = 300
	// portTries is for how many external ports the gateway is asked.
	portTries = 5
	// description is what the gateway's list of mappings shows.
	description = "dualport"
)

// errNoDevice is of a search that ended before its time.
var errNoDevice = errors.New("the search for devices broke off")

// igd is a gateway that is spoken to in UPnP.
type igd struct {
	place
	service   connection
	permanent atomic.Bool // the gateway grants no leases
}

// connection is what the services WANIPConnection and WANPPPConnection share.
type connection interface {
	AddPortMappingCtx(ctx context.Context, remoteHost string, externalPort uint16, protocol string, internalPort uint16, internalClient string, enabled bool, description string, lease uint32) error
	DeletePortMappingCtx(ctx context.Context, remoteHost string, externalPort uint16, protocol string) error
	GetExternalIPAddressCtx(ctx context.Context) (string, error)
}

func (*igd) protocol() Protocol { return UPnP }

// discover searches the gateway for a service that has an external address.
func (m *Mapper) discover(ctx context.Context, at place) (forwarder, error) {
	limit := m.tune.within(discoverWithin)
	searching, cancel := context.WithTimeoutCause(ctx, limit, &silence{at.gateway.String(), limit})
	defer cancel()
	var failed error
	devices := 0
	for location, err := range search(searching, at, m.tune.search()) {
		if err == nil {
			var device *igd
			if device, err = openIGD(ctx, at, location); err == nil {
				return device, nil
			}
		}
		failed = join(failed, err)
		if devices++; devices == maxDevices {
			break
		}
	}
	return nil, cmp.Or(failed, context.Cause(searching), errNoDevice)
}

// openIGD reads the description of a device and picks a service. A gateway may have
// one for each of its lines, of which one is connected.
func openIGD(ctx context.Context, at place, location *url.URL) (*igd, error) {
	client := gatewayClient(at)
	body, err := fetch(ctx, client, location)
	if err != nil {
		return nil, err
	}
	services, err := parseDescription(body, location, at.gateway)
	if err != nil {
		return nil, err
	}
	failed := fmt.Errorf("the device at %s has no service that maps ports", location.Redacted())
	for i, s := range services {
		device := &igd{place: at, service: s.open(client)}
		addr, err := device.external(ctx)
		if err == nil && !addr.IsUnspecified() {
			return device, nil
		}
		if err == nil {
			err = errors.New(adviceNoWAN)
		}
		if i == 0 {
			failed = err
		}
	}
	return nil, failed
}

// gatewayClient returns a client whose every connection leads to the gateway.
func gatewayClient(at place) http.Client {
	return http.Client{
		Transport:     &pinned{at.gateway, newTransport(at.local)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newTransport keeps no connection open between requests, and with it no goroutine.
func newTransport(local netip.Addr) *http.Transport {
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))}
	return &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
}

// pinned is a transport that goes nowhere but to the gateway, and whose answers are
// bounded: the SOAP client reads what comes, and its errors repeat it.
type pinned struct {
	gateway netip.Addr
	base    *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (p *pinned) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := onGateway(r.URL, p.gateway); err != nil {
		return nil, err
	}
	resp, err := p.base.RoundTrip(r)
	if err == nil {
		resp.Body = limited{io.LimitReader(resp.Body, maxBody), resp.Body}
		resp.Status = strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", http.StatusText(resp.StatusCode))) // errors repeat it, in the gateway's words otherwise
	}
	return resp, err
}

type limited struct {
	io.Reader
	io.Closer
}

func fetch(ctx context.Context, client http.Client, location *url.URL) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, describe(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", location.Redacted(), resp.Status)
	}
	body, err := io.ReadAll(resp.Body)
	return body, describe(ctx, err)
}

// service is where to send the requests of a WANIPConnection or WANPPPConnection.
type service struct {
	kind    string
	control url.URL
}

// serviceKinds are the known ones, the one to prefer first.
func serviceKinds() []string {
	return []string{
		internetgateway2.URN_WANIPConnection_2,
		internetgateway2.URN_WANIPConnection_1,
		internetgateway2.URN_WANPPPConnection_1,
	}
}

// parseDescription returns the services of a device description (UPnP Device
// Architecture section 2.3) that map ports. All must be on the gateway.
func parseDescription(body []byte, location *url.URL, gateway netip.Addr) ([]service, error) {
	var root goupnp.RootDevice
	decoder := xml.NewDecoder(bytes.NewReader(body))
	decoder.DefaultSpace = goupnp.DeviceXMLNamespace
	if err := decoder.Decode(&root); err != nil {
		return nil, fmt.Errorf("the device description is damaged: %w", err)
	}
	base := location
	if root.URLBaseStr != "" {
		var err error
		if base, err = url.Parse(root.URLBaseStr); err != nil {
			return nil, errors.New("the device description has an invalid URLBase")
		}
	}
	root.SetURLBase(base)
	var services []service
	for _, kind := range serviceKinds() {
		for _, s := range root.Device.FindService(kind) {
			if err := onGateway(&s.ControlURL.URL, gateway); err != nil {
				return nil, err
			}
			services = append(services, service{kind, s.ControlURL.URL})
		}
	}
	return services, nil
}

func (s service) open(client http.Client) connection {
	base := goupnp.ServiceClient{SOAPClient: &soap.SOAPClient{EndpointURL: s.control, HTTPClient: client}}
	switch s.kind {
	case internetgateway2.URN_WANIPConnection_2:
		return &internetgateway2.WANIPConnection2{ServiceClient: base}
	case internetgateway2.URN_WANIPConnection_1:
		return &internetgateway2.WANIPConnection1{ServiceClient: base}
	}
	return &internetgateway2.WANPPPConnection1{ServiceClient: base}
}

// add asks for the wanted external port, then for some at random where that one is
// taken.
func (d *igd) add(ctx context.Context, want mapping) (mapping, error) {
	addr, err := d.external(ctx)
	if err != nil {
		return mapping{}, err
	}
	port := want.external.Port()
	for range portTries {
		want.external = netip.AddrPortFrom(addr, port)
		var got mapping
		if got, err = d.addAt(ctx, want); !taken(err) {
			return got, err
		}
		port = randomPort()
	}
	return mapping{}, err
}

// addAt asks for one external port, for ever where the gateway knows no leases.
func (d *igd) addAt(ctx context.Context, want mapping) (mapping, error) {
	const onlyPermanent = 725
	if d.permanent.Load() {
		want.lifetime = 0
	}
	err := d.call(ctx, want)
	var refused *ResultError
	if errors.As(err, &refused) && refused.Code == onlyPermanent && want.lifetime != 0 {
		d.permanent.Store(true)
		want.lifetime = 0
		err = d.call(ctx, want)
	}
	return want, err
}

func (d *igd) call(ctx context.Context, want mapping) error {
	err := d.service.AddPortMappingCtx(ctx, "", want.external.Port(), "TCP", want.port, d.local.String(), true, description, seconds(want.lifetime))
	return describe(ctx, err)
}

// taken tells whether another external port may be had where this one was refused.
func taken(err error) bool {
	const conflict, otherMechanism = 718, 729
	var refused *ResultError
	return errors.As(err, &refused) && (refused.Code == conflict || refused.Code == otherMechanism)
}

func (d *igd) remove(ctx context.Context, m mapping) error {
	const noSuchEntry = 714
	err := describe(ctx, d.service.DeletePortMappingCtx(ctx, "", m.external.Port(), "TCP"))
	var refused *ResultError
	if errors.As(err, &refused) && refused.Code == noSuchEntry {
		return nil // it has run out
	}
	return err
}

func (d *igd) external(ctx context.Context) (netip.Addr, error) {
	s, err := d.service.GetExternalIPAddressCtx(ctx)
	if err != nil {
		return netip.Addr{}, describe(ctx, err)
	}
	if s == "" { // of some that are not connected
		return netip.IPv4Unspecified(), nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("the gateway's external address is %.60q", s)
	}
	return addr.Unmap(), nil
}

// describe makes a [ResultError] of a refusal, and the cause of ctx of a call that it
// ended: the SOAP client's errors do not tell.
func describe(ctx context.Context, err error) error {
	var fault *soap.SOAPFaultError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault) && fault.Detail.UPnPError.Errorcode != 0:
		return &ResultError{UPnP, fault.Detail.UPnPError.Errorcode}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &fault):
		return errors.New("the gateway answered with a fault that has no number")
	case len(err.Error()) > maxText:
		return fmt.Errorf("%.*s…", maxText, err) // the SOAP client repeats a whole answer
	}
	return err
}
