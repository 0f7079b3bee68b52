package portmap_test

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// igd is a double of an Internet gateway device on loopback. The fields are set
// before it is asked.
type igd struct {
	search net.PacketConn
	http   *httptest.Server

	kind     string // of the service; WANIPConnection:1 where it is not set
	external string
	location string // replaces the one in the answer to a search
	urlBase  string
	control  string // replaces the URL of the service
	redirect string // the description is there
	silent   bool   // to a search
	noLeases bool   // refuses with 725
	strange  string // the answer to every action
	fault    int    // refuses AddPortMapping with it
	garbage  bool   // before each answer to a search
	flood    int    // of datagrams that are no answer to a search

	mu       sync.Mutex
	taken    map[string]bool // by other hosts
	mapped   map[string]entry
	requests []string
}

type entry struct{ client, port, lease, description string }

func newIGD(t *testing.T) *igd {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	d := &igd{search: conn, kind: "WANIPConnection:1", external: "203.0.113.7", taken: map[string]bool{}, mapped: map[string]entry{}}
	d.http = httptest.NewServer(d)
	t.Cleanup(d.http.Close)
	return d
}

// start serves until the test ends.
func (d *igd) start(t *testing.T) *igd {
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.serveSearch()
	}()
	t.Cleanup(func() {
		require.NoError(t, d.search.Close())
		<-done
	})
	return d
}

func (d *igd) port() uint16 { return uint16(d.search.LocalAddr().(*net.UDPAddr).Port) }

func (d *igd) serveSearch() {
	buf := make([]byte, 2048)
	for {
		n, from, err := d.search.ReadFrom(buf)
		if err != nil {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(buf[:n])))
		if err != nil || r.Method != "M-SEARCH" || r.Header.Get("MAN") != `"ssdp:discover"` {
			panic(fmt.Sprintf("no search: %q", buf[:n]))
		}
		if d.silent || r.Header.Get("ST") != "urn:schemas-upnp-org:device:InternetGatewayDevice:1" {
			continue
		}
		for range d.flood {
			_, _ = d.search.WriteTo(nil, from)
		}
		if d.garbage {
			for _, s := range []string{"", "\x00\xff", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 404 No\r\nLOCATION: http://127.0.0.1/\r\n\r\n", "NOTIFY * HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nLOCATION: http://%zz/\r\n\r\n"} {
				_, _ = d.search.WriteTo([]byte(s), from)
			}
		}
		location := d.location
		if location == "" {
			location = d.http.URL + "/root.xml"
		}
		_, _ = fmt.Fprintf(writerTo{d.search, from}, "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: %s\r\nUSN: uuid:1::%[1]s\r\nLOCATION: %s\r\n\r\n", r.Header.Get("ST"), location)
	}
}

type writerTo struct {
	conn net.PacketConn
	to   net.Addr
}

func (w writerTo) Write(b []byte) (int, error) { return w.conn.WriteTo(b, w.to) }

const rootXML = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>%s
<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><friendlyName>double</friendlyName>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType>
<serviceList><service><serviceType>urn:schemas-upnp-org:service:%s</serviceType><serviceId>urn:upnp-org:serviceId:1</serviceId>
<controlURL>%s</controlURL><eventSubURL>/evt</eventSubURL><SCPDURL>/scpd</SCPDURL></service></serviceList>
</device></deviceList></device></deviceList></device></root>`

func (d *igd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/root.xml":
		if d.redirect != "" {
			http.Redirect(w, r, d.redirect, http.StatusFound)
			return
		}
		base, control := "", "/ctl"
		if d.urlBase != "" {
			base = "<URLBase>" + d.urlBase + "</URLBase>"
		}
		if d.control != "" {
			control = d.control
		}
		_, _ = fmt.Fprintf(w, rootXML, base, d.kind, control)
	case "/ctl":
		d.soap(w, r)
	default:
		d.note("GET " + r.URL.Path)
		http.NotFound(w, r)
	}
}

func (d *igd) note(request string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = append(d.requests, request)
}

func (d *igd) log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.requests...)
}

func (d *igd) entries() map[string]entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries := make(map[string]entry)
	for port, e := range d.mapped {
		entries[port] = e
	}
	return entries
}

// soap answers an action of the service.
func (d *igd) soap(w http.ResponseWriter, r *http.Request) {
	kind, action, _ := strings.Cut(strings.Trim(r.Header.Get("SOAPACTION"), `"`), "#")
	if kind != "urn:schemas-upnp-org:service:"+d.kind {
		panic(kind + " was called")
	}
	body, _ := io.ReadAll(r.Body)
	args := soapArguments(body)
	d.note(action)
	d.mu.Lock()
	defer d.mu.Unlock()
	out, fault := "", 0
	port := args["NewExternalPort"]
	switch action {
	case "GetExternalIPAddress":
		out = "<NewExternalIPAddress>" + d.external + "</NewExternalIPAddress>"
	case "AddPortMapping":
		fault = d.refusal(port, args["NewLeaseDuration"])
		if fault == 0 {
			d.mapped[port] = entry{args["NewInternalClient"], args["NewInternalPort"], args["NewLeaseDuration"], args["NewPortMappingDescription"]}
		}
	case "DeletePortMapping":
		if _, found := d.mapped[port]; !found {
			fault = 714
		}
		delete(d.mapped, port)
	default:
		fault = 401
	}
	if d.strange != "" {
		_, _ = io.WriteString(w, d.strange)
		return
	}
	if fault != 0 {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>%d</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>`, fault)
		return
	}
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:%sResponse xmlns:u="%s">%s</u:%[1]sResponse></s:Body></s:Envelope>`, action, kind, out)
}

func (d *igd) refusal(port, lease string) int {
	switch {
	case d.fault != 0:
		return d.fault
	case d.noLeases && lease != "0":
		return 725
	case d.taken[port]:
		return 718
	}
	return 0
}

// soapArguments reads the leaves of a request.
func soapArguments(body []byte) map[string]string {
	args := make(map[string]string)
	decoder := xml.NewDecoder(bytes.NewReader(body))
	name := ""
	for {
		token, err := decoder.Token()
		if err != nil {
			return args
		}
		switch t := token.(type) {
		case xml.StartElement:
			name = t.Name.Local
		case xml.CharData:
			args[name] += string(t)
		case xml.EndElement:
			name = ""
		}
	}
}

func portText(port uint16) string { return strconv.Itoa(int(port)) }
