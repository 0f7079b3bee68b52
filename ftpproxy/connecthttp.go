package ftpproxy

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxAnswer bounds an HTTP proxy's answer, in bytes, interim ones included.
	maxAnswer = 16 << 10
	// maxReason is how much of its status line an error repeats.
	maxReason = 120
)

// connectHTTP asks for a tunnel (RFC 9110 section 9.3.6). The server speaks
// first in FTP, and what it says may come right behind the proxy's answer, so
// that this is read byte by byte.
func (p *Proxy) connectHTTP(conn net.Conn, to target) error {
	if _, err := io.WriteString(conn, p.connectRequest(to)); err != nil {
		return err
	}
	answer, err := readAnswer(conn, p.login == nil)
	if err != nil {
		return lost(err)
	}
	if answer.status/100 == 2 {
		return nil
	}
	return &statusError{answer, to, p.login != nil}
}

func (p *Proxy) connectRequest(to target) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", to, to)
	if p.login != nil {
		b.WriteString("Proxy-Authorization: Basic " + p.login().basic() + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// basic is the login as HTTP sends it (RFC 7617).
func (c credentials) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(c.user + ":" + c.password))
}

// answer is what matters of an HTTP proxy's answer.
type answer struct {
	status  int
	reason  string   // as sent, cut to maxReason bytes
	schemes []string // of Proxy-Authenticate, in lower case
}

// readAnswer reads the final answer, over interim ones (1xx). Its words are kept, for
// errors to repeat, only where quote is set: a proxy that was told a login may have
// put it there, in any spelling.
func readAnswer(r io.Reader, quote bool) (answer, error) {
	limited := &io.LimitedReader{R: r, N: maxAnswer}
	for {
		head, err := readHead(limited)
		if err != nil && limited.N == 0 {
			err = fmt.Errorf("the proxy's answer is longer than %d bytes; check its port", maxAnswer)
		}
		if err != nil {
			return answer{}, err
		}
		a, err := parseAnswer(head, quote)
		if err != nil || a.status/100 != 1 {
			return a, err
		}
	}
}

// readHead reads up to the empty line that ends a head, and not a byte beyond.
func readHead(r io.Reader) ([]byte, error) {
	const begin = "HTTP/"
	var head []byte
	var b [1]byte
	for !bytes.HasSuffix(head, []byte("\n\r\n")) && !bytes.HasSuffix(head, []byte("\n\n")) {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, err
		}
		head = append(head, b[0])
		if n := min(len(head), len(begin)); string(head[:n]) != begin[:n] {
			return nil, notHTTP(b[0])
		}
	}
	return head, nil
}

func notHTTP(first byte) error {
	switch first {
	case socksVersion:
		return errors.New("the proxy answered in SOCKS5; write socks5:// in its URL")
	case 0x15: // a TLS alert
		return errors.New("the proxy answered in TLS; write https:// in its URL")
	}
	return errors.New("the proxy did not answer in HTTP; check its port")
}

// parseAnswer reads a status line (RFC 9112 section 4) and the authentication
// schemes among the fields.
func parseAnswer(head []byte, quote bool) (answer, error) {
	line, fields, _ := strings.Cut(string(head), "\n")
	version, rest, _ := strings.Cut(strings.TrimRight(line, "\r"), " ")
	code, reason, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	status, err := strconv.ParseUint(code, 10, 16)
	if err != nil || len(code) != 3 || status < 100 || !strings.HasPrefix(version, "HTTP/1.") {
		if !quote {
			return answer{}, errors.New("the proxy's answer has no status line of HTTP/1; check its port")
		}
		return answer{}, fmt.Errorf("the proxy answered %.*q, which is no status line of HTTP/1; check its port", maxReason, line)
	}
	a := answer{status: int(status)}
	if quote {
		a.reason = reason[:min(len(reason), maxReason)]
	}
	for field := range strings.Lines(fields) {
		name, value, _ := strings.Cut(field, ":")
		if strings.EqualFold(strings.TrimSpace(name), "Proxy-Authenticate") {
			scheme, _, _ := strings.Cut(strings.TrimSpace(value), " ")
			a.schemes = append(a.schemes, strings.ToLower(scheme[:min(len(scheme), 32)]))
		}
	}
	return a, nil
}

// statusError is an answer other than 2xx.
type statusError struct {
	answer
	to     target
	asUser bool // credentials were sent
}

// Error repeats the status line and says what to do.
func (e *statusError) Error() string {
	return fmt.Sprintf("the proxy answered %q: %s", strings.TrimSpace(strconv.Itoa(e.status)+" "+e.reason), e.advice())
}

// Is makes a refused login match ErrCredentials.
func (e *statusError) Is(target error) bool { return e.wantsLogin() && target == ErrCredentials }

// wantsLogin takes a 401 for a 407: tinyproxy answers wrong credentials with it.
func (e *statusError) wantsLogin() bool { return e.status == 407 || e.status == 401 }

func (e *statusError) advice() string {
	if e.wantsLogin() {
		return e.login()
	}
	switch e.status {
	case 400, 403, 405, 501:
		return fmt.Sprintf("it does not let CONNECT through to port %d; many HTTP proxies permit port 443 alone: ask its administrator to permit port 21 and the server's passive ports, or use a SOCKS5 proxy", e.to.port)
	case 404, 410, 500, 502, 503, 504:
		return "it could not reach the server; check the host and the port, and whether the proxy can reach them"
	}
	return "that is no tunnel; check that this is a proxy that permits CONNECT"
}

func (e *statusError) login() string {
	switch {
	case len(e.schemes) > 0 && !slices.Contains(e.schemes, "basic"):
		return fmt.Sprintf("it wants a login by %q, and only basic is supported here; ask its administrator", strings.Join(e.schemes, ", "))
	case e.asUser:
		return "it refused the user or the password; check both in its URL"
	}
	return "it wants a user and a password; put them into its URL"
}
