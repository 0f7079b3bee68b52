package portmap_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dualport/ftp/portmap"
)

func TestUPnP(t *testing.T) {
	for _, kind := range []string{"WANIPConnection:1", "WANIPConnection:2", "WANPPPConnection:1"} {
		t.Run(kind, func(t *testing.T) {
			d := newIGD(t)
			d.kind, d.garbage = kind, true
			d.start(t)
			m := mapper(t, 9, d.port(), 0, portmap.UPnP)
			for i, want := range [][]string{
				{"GetExternalIPAddress", "GetExternalIPAddress", "AddPortMapping", "DeletePortMapping"},
				{"GetExternalIPAddress", "AddPortMapping", "DeletePortMapping"}, // the device is known
			} {
				before := len(d.log())
				external, release, err := m.Map(t.Context(), 5001)
				require.NoError(t, err)
				require.Equal(t, "203.0.113.7:5001", external.String())
				require.Equal(t, map[string]entry{"5001": {"127.0.0.1", "5001", "600", "dualport"}}, d.entries())
				release()
				release()
				require.Empty(t, d.entries())
				require.Equal(t, want, d.log()[before:], "call %d", i)
			}
		})
	}
}

func TestUPnPSearchThatIsFloodedEnds(t *testing.T) {
	d := newIGD(t)
	d.flood = 100
	d.start(t)
	_, _, err := mapper(t, 9, d.port(), 0, portmap.UPnP).Map(t.Context(), 5001)
	require.ErrorContains(t, err, "UPnP: too many datagrams that are no reply")
}

func TestUPnPTakenPort(t *testing.T) {
	d := newIGD(t)
	d.taken["5001"] = true
	d.start(t)
	external, release, err := mapper(t, 9, d.port(), 0, portmap.UPnP).Map(t.Context(), 5001)
	require.NoError(t, err)
	require.GreaterOrEqual(t, external.Port(), uint16(49152))
	require.Equal(t, "5001", d.entries()[portText(external.Port())].port)
	release()
	require.Empty(t, d.entries())
}

func TestUPnPEveryPortIsTaken(t *testing.T) {
	d := newIGD(t)
	d.fault = 718
	d.start(t)
	_, _, err := mapper(t, 9, d.port(), 0, portmap.UPnP).Map(t.Context(), 5001)
	require.ErrorContains(t, err, "UPnP: result 718: the external port is forwarded to another host")
	require.Len(t, d.log(), 2+5)
}

func TestUPnPPermanentLeasesOnly(t *testing.T) {
	d := newIGD(t)
	d.noLeases = true
	d.start(t)
	told := &notices{}
	m := mapper(t, 9, d.port(), 0, portmap.UPnP)
	m.Notice = told.add
	for _, requests := range []int{5, 3} { // the second time it is known
		before := len(d.log())
		_, release, err := m.Map(t.Context(), 5001)
		require.NoError(t, err)
		require.Equal(t, "0", d.entries()["5001"].lease)
		release()
		require.Empty(t, d.entries())
		require.Len(t, d.log()[before:], requests)
	}
	require.Contains(t, told.told[0], "for ever")
}

func TestUPnPMappingThatIsGoneAlreadyIsReleased(t *testing.T) {
	d := newIGD(t).start(t)
	told := &notices{}
	m := mapper(t, 9, d.port(), 0, portmap.UPnP)
	m.Notice = told.add
	_, release, err := m.Map(t.Context(), 5001)
	require.NoError(t, err)
	d.mu.Lock()
	clear(d.mapped)
	d.mu.Unlock()
	release()
	require.Len(t, told.told, 1)
}

func TestUPnPRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		device func(d *igd)
		says   string
	}{
		"not authorized": {func(d *igd) { d.fault = 606 }, "result 606: port mapping is switched off"},
		"unknown":        {func(d *igd) { d.fault = 899 }, "result 899: the gateway refused"},
		"behind NAT":     {func(d *igd) { d.external = "10.1.1.1" }, "itself behind a NAT: its external address 10.1.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIGD(t)
			test.device(d)
			d.start(t)
			_, _, err := mapper(t, 9, d.port(), 0, portmap.UPnP).Map(t.Context(), 5001)
			require.ErrorContains(t, err, test.says)
			require.Empty(t, d.entries())
		})
	}
}

func TestUPnPDevicesOfNoUse(t *testing.T) {
	for name, test := range map[string]struct {
		device func(d *igd)
		path   string
		says   string
	}{
		"not connected":   {func(d *igd) { d.external = "0.0.0.0" }, "/root.xml", "no external address for now"},
		"no address":      {func(d *igd) { d.external = "" }, "/root.xml", "no external address for now"},
		"damaged address": {func(d *igd) { d.external = "here" }, "/root.xml", `the gateway's external address is "here"`},
		"no service":      {func(d *igd) { d.kind = "Layer3Forwarding:1" }, "/root.xml", "no service that maps ports"},
		"no description":  {func(*igd) {}, "/other.xml", "404"},
		"damaged":         {func(d *igd) { d.urlBase = "</URLBase><x>" }, "/root.xml", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIGD(t)
			test.device(d)
			require.ErrorContains(t, portmap.OpenIGD(t.Context(), loopback, d.http.URL+test.path), test.says)
		})
	}
}

func TestUPnPSearchGoesOnWhereOneDeviceIsOfNoUse(t *testing.T) {
	d := newIGD(t)
	d.location = d.http.URL + "/other.xml"
	d.start(t)
	_, _, err := mapper(t, 9, d.port(), time.Second, portmap.UPnP).Map(t.Context(), 5001)
	require.ErrorContains(t, err, "404")
}

// A description that leads elsewhere would have this host make requests there.
func TestUPnPTalksToTheGatewayOnly(t *testing.T) {
	victim := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the victim was called") }))
	defer victim.Close()
	elsewhere := "http://127.0.0.2:80"
	for name, test := range map[string]struct {
		device func(d *igd)
		says   string
	}{
		"URLBase":     {func(d *igd) { d.urlBase = elsewhere }, "not itself"},
		"control URL": {func(d *igd) { d.control = elsewhere + "/ctl" }, "not itself"},
		"a name":      {func(d *igd) { d.control = "http://localhost/ctl" }, "not itself"},
		"HTTPS":       {func(d *igd) { d.control = "https://127.0.0.1/ctl" }, "not itself"},
		"redirect":    {func(d *igd) { d.redirect = victim.URL }, "302"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newIGD(t)
			test.device(d)
			require.ErrorContains(t, portmap.OpenIGD(t.Context(), loopback, d.http.URL+"/root.xml"), test.says)
			require.Empty(t, d.log())
		})
	}
	require.ErrorContains(t, portmap.OpenIGD(t.Context(), loopback, elsewhere), "not itself")

	d := newIGD(t)
	d.location = elsewhere + "/root.xml"
	d.start(t)
	_, _, err := mapper(t, 9, d.port(), brief, portmap.UPnP).Map(t.Context(), 5001)
	require.Error(t, err)
	require.Empty(t, d.log())
}

// What answers a search, but is not the gateway, is not believed.
func TestUPnPAnswerOfAnotherHost(t *testing.T) {
	d := newIGD(t).start(t)
	m := mapper(t, 9, d.port(), brief, portmap.UPnP)
	m.Gateway, m.Local = loopback.Next(), loopback // the search for 127.0.0.2 reaches nobody
	_, _, err := m.Map(t.Context(), 5001)
	require.Error(t, err)
	require.Empty(t, d.log())
}

// The SOAP client's errors repeat whole answers, byte by byte in decimal.
func TestUPnPErrorOfALongAnswerIsShort(t *testing.T) {
	d := newIGD(t)
	d.strange = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + strings.Repeat("no action ", 20_000) + `</s:Body></s:Envelope>`
	err := portmap.OpenIGD(t.Context(), loopback, d.http.URL+"/root.xml")
	require.Error(t, err)
	require.Less(t, len(err.Error()), 1000)
}

func TestUPnPStatusIsNotToldInTheGatewaysWords(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		require.NoError(t, err)
		_, _ = io.WriteString(conn, "HTTP/1.1 403 \x1b[2JHow dare you\r\nContent-Length: 0\r\n\r\n")
		require.NoError(t, conn.Close())
	}))
	defer server.Close()
	require.ErrorContains(t, portmap.OpenIGD(t.Context(), loopback, server.URL), "answered 403 Forbidden")
}

func TestUPnPEndlessAnswer(t *testing.T) {
	d := newIGD(t)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line := make([]byte, 4096)
		for r.Context().Err() == nil {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	d.location = endless.URL
	d.start(t)
	start := time.Now()
	_, _, err := mapper(t, 9, d.port(), brief, portmap.UPnP).Map(t.Context(), 5001)
	require.Error(t, err)
	require.Less(t, time.Since(start), 5*time.Second)
}
