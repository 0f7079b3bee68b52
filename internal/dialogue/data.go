package dialogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// fill opens a port if the line has a placeholder for one.
func (p *play) fill(text string) (string, error) {
	if !strings.Contains(text, "{pasv}") && !strings.Contains(text, "{port}") {
		return text, nil
	}
	p.dropData()
	local, err := netip.ParseAddrPort(p.conn.LocalAddr().String())
	if err != nil {
		return "", fmt.Errorf("dialogue: local address: %w", err)
	}
	host := local.Addr().Unmap()
	p.listener, err = p.player.Network.Listen(p.ctx, "tcp", netip.AddrPortFrom(host, 0).String())
	if err != nil {
		return "", fmt.Errorf("dialogue: open a data port: %w", err)
	}
	bound, err := netip.ParseAddrPort(p.listener.Addr().String())
	if err != nil {
		return "", fmt.Errorf("dialogue: data port: %w", err)
	}
	pasv := ""
	if host.Is4() {
		pasv = fmt.Sprintf("%s,%d,%d", strings.ReplaceAll(host.String(), ".", ","), bound.Port()>>8, bound.Port()&0xff)
	}
	return strings.NewReplacer("{pasv}", pasv, "{port}", strconv.Itoa(int(bound.Port()))).Replace(text), nil
}

// noteTarget remembers where the client listens.
func (p *play) noteTarget(line string) {
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "PORT":
		f := strings.Split(arg, ",")
		if len(f) != 6 {
			return
		}
		high, errHigh := strconv.ParseUint(f[4], 10, 8)
		low, errLow := strconv.ParseUint(f[5], 10, 8)
		if errors.Join(errHigh, errLow) == nil {
			p.dropData()
			p.target = net.JoinHostPort(strings.Join(f[:4], "."), strconv.FormatUint(high<<8|low, 10))
		}
	case "EPRT":
		if arg == "" {
			return
		}
		if f := strings.Split(arg, arg[:1]); len(f) == 5 {
			p.dropData()
			p.target = net.JoinHostPort(f[2], f[3])
		}
	}
}

// open makes the data connection, if it is not there yet, and gives its next use the usual time.
func (p *play) open() error {
	if p.data != nil {
		return p.data.SetDeadline(time.Now().Add(p.patience()))
	}
	ctx, cancel := context.WithTimeout(p.ctx, p.patience())
	defer cancel()
	var err error
	switch {
	case p.target != "":
		p.data, err = p.player.Network.DialFrom(ctx, netip.AddrPort{}, "tcp", p.target)
	case p.listener != nil:
		listener := p.listener
		defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
		p.data, err = listener.Accept()
	default:
		return errors.New("dialogue: a D line needs a {pasv} or {port}, a PORT or an EPRT before it")
	}
	if err != nil {
		p.data = nil
		return p.departure("", "(no data connection: "+err.Error()+")")
	}
	return p.data.SetDeadline(time.Now().Add(p.patience()))
}

func (p *play) sendData(st step) error {
	if err := p.open(); err != nil {
		return err
	}
	if _, err := io.WriteString(p.data, st.text); err != nil {
		return p.departure("", "(data connection: "+err.Error()+")")
	}
	return nil
}

func (p *play) expectData(st step) error {
	if err := p.open(); err != nil {
		return err
	}
	got, err := io.ReadAll(io.LimitReader(p.data, int64(len(st.text))+1024))
	if err != nil {
		return p.departure("", "(data connection: "+err.Error()+")")
	}
	if string(got) == st.text {
		return nil
	}
	same := 0
	for same < len(got) && same < len(st.text) && got[same] == st.text[same] {
		same++
	}
	return p.departure("", fmt.Sprintf("D< of %d bytes, from byte %d on: %q in place of %q",
		len(got), same, excerpt(string(got[same:])), excerpt(st.text[same:])))
}

func excerpt(text string) string {
	const limit = 60
	if len(text) > limit {
		return text[:limit] + "…"
	}
	return text
}

func (p *play) endData(abruptly bool) error {
	if err := p.open(); err != nil {
		return err
	}
	if abruptly {
		reset(p.data)
		p.data = nil
	}
	p.closeData()
	return nil
}

// closeData ends the data connection, if there was one, and its port.
func (p *play) closeData() {
	if p.data == nil {
		return
	}
	p.dropData()
}

// dropData forgets everything about the data connection.
func (p *play) dropData() {
	if p.data != nil {
		_ = p.data.Close()
	}
	if p.listener != nil {
		_ = p.listener.Close()
	}
	p.data, p.listener, p.target = nil, nil, ""
}

func reset(conn net.Conn) {
	if lingerer, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = lingerer.SetLinger(0) // a connection that is gone already needs no reset
	}
	_ = conn.Close()
}
