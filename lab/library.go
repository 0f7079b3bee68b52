//go:build linux

package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/portmap"
)

// libraryJob is what the library is to do in a process of its own, which the test
// binary starts in the client's namespace: all threads of a Go program must be in one
// network.
type libraryJob struct {
	Address, User, Password string
	Upload                  bool
	Remote, Local           string
	CAFile                  string
	Timeout                 time.Duration
	Options                 libraryOptions
}

// libraryOptions are the ones that scenarios set.
type libraryOptions struct {
	Mode         string
	Policy       ftp.AddressPolicy
	ForcedIP     netip.Addr
	PassivePorts ftp.PortRange
	Ports        ftp.PortRange
	External     string
	AskServer    bool // the external address
	AcceptFrom   ftp.AcceptPolicy
	ExternalLAN  bool
	TLS          bool
	CCC          bool
	PortMap      portmap.Protocol // the only one to use; 0 for no port mapping
}

// jobVariable makes the test binary do a libraryJob instead of its tests.
const jobVariable = "DUALPORT_LAB_JOB"

// RunJob does what the environment says a process of the lab is for, and ends it; in
// any other process it does nothing. It is for TestMain.
func RunJob() {
	text := os.Getenv(jobVariable)
	if text == "" {
		return
	}
	var job libraryJob
	if err := json.Unmarshal([]byte(text), &job); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := job.report(job.transfer(context.Background()))
	os.Exit(code)
}

// report prints what the command would print of the same.
func (j libraryJob) report(r ftp.Result, err error) int {
	out := map[string]any{"exit_code": exitCode(err)}
	n := r.Negotiation
	if err != nil {
		out["error"] = err.Error()
		var e *ftp.Error
		if errors.As(err, &e) && e.Negotiation != nil {
			n = e.Negotiation
		}
	}
	if n != nil {
		out["negotiation"] = map[string]any{"method": n.Method(), "relogin": n.Relogin, "rungs": n.Rungs}
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return exitCode(err)
}

// exitCode classes an error as the command does.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ftp.ErrLogin):
		return 3
	case errors.Is(err, ftp.ErrDataConnection):
		return 4
	case errors.Is(err, ftp.ErrUnconfirmed), errors.Is(err, ftp.ErrIncomplete):
		return 6
	case ftp.ReplyCode(err) != 0:
		return 5
	}
	return 2
}

func (j libraryJob) transfer(ctx context.Context) (ftp.Result, error) {
	o, err := j.options()
	if err != nil {
		return ftp.Result{}, err
	}
	c, err := ftp.Dial(ctx, j.Address, &o)
	if err != nil {
		return ftp.Result{}, err
	}
	defer func() { _ = c.Close() }() // the result is known by then
	if j.Upload {
		content, err := os.ReadFile(j.Local)
		if err != nil {
			return ftp.Result{}, err
		}
		return c.Store(ctx, j.Remote, bytes.NewReader(content))
	}
	var content bytes.Buffer
	r, err := c.Retrieve(ctx, j.Remote, &content)
	if err == nil {
		err = os.WriteFile(j.Local, content.Bytes(), 0o644)
	}
	return r, err
}

func (j libraryJob) options() (ftp.Options, error) {
	w := j.Options
	o := ftp.Options{
		User: j.User, Password: j.Password,
		Passive: ftp.Passive{Address: w.Policy, ForcedIP: w.ForcedIP, Ports: w.PassivePorts},
		Active:  ftp.Active{Ports: w.Ports, External: w.External, AcceptFrom: w.AcceptFrom, ExternalOnLAN: w.ExternalLAN},
		Trace: &ftp.Trace{
			Command: func(e ftp.CommandEvent) { fmt.Fprintln(os.Stderr, "> "+e.Line) },
			Reply:   func(e ftp.ReplyEvent) { fmt.Fprintln(os.Stderr, "< "+e.Reply.String()) },
			Notice:  func(n ftp.Notice) { fmt.Fprintln(os.Stderr, "* "+n.Text) },
		},
	}
	t := j.Timeout
	o.Timeouts = ftp.Timeouts{Dial: t, Reply: t, DataConnect: t, Accept: t, Stall: t, FinalReply: t}
	switch w.Mode {
	case "active":
		o.Mode = ftp.ModeActive
	case "auto":
		o.Mode = ftp.ModeAuto
	}
	if w.AskServer {
		o.Active.ExternalFunc = ftp.SeenByServer
	}
	if w.PortMap != 0 {
		o.Active.Mapper = &portmap.Mapper{Protocols: []portmap.Protocol{w.PortMap}}
	}
	if w.TLS {
		authority, err := os.ReadFile(j.CAFile)
		if err != nil {
			return o, err
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(authority)
		o.TLS, o.TLSConfig, o.ClearControlUnsafe = ftp.TLSExplicit, &tls.Config{RootCAs: pool}, w.CCC
	}
	return o, nil
}
