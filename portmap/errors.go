package portmap

import (
	"errors"
	"fmt"
	"time"
)

// Sentinels, matched with [errors.Is].
var (
	// ErrBehindNAT is matched where the gateway's own external address is not one
	// of the Internet: the gateway is itself behind a NAT, and what it forwards
	// arrives from no further than there.
	ErrBehindNAT = errors.New("the gateway is itself behind a NAT")
	// ErrNoAnswer is matched where the gateway was silent, in one protocol at
	// least.
	ErrNoAnswer = errors.New("no answer")
	// ErrClosed is matched by every call after [Mapper.Close].
	ErrClosed = errors.New("the port mapper is closed")
)

// errSpoken is the reason not to go on in a protocol: the gateway speaks another.
var errSpoken = errors.New("the gateway speaks NAT-PMP, the predecessor")

// ResultError is the refusal of a gateway.
type ResultError struct {
	// Protocol is the one it refused in.
	Protocol Protocol
	// Code is the protocol's result code: that of RFC 6887 section 7.4, of RFC
	// 6886 section 3.5, or the errorCode of UPnP.
	Code int
}

// Error says what was refused and, where something can be done, what to do.
func (e *ResultError) Error() string {
	return fmt.Sprintf("%s: result %d: %s", e.Protocol, e.Code, e.sentence())
}

const (
	adviceOff       = "port mapping is switched off on the gateway, or not allowed to this host: switch it on there, or forward the ports by hand and set Active.External"
	adviceNoWAN     = "the gateway has no external address for now: see whether it is connected"
	adviceResources = "the gateway has no room for another mapping: restart it, or forward the ports by hand and set Active.External"
	adviceMalformed = "the gateway did not understand the request: leave this protocol out of Mapper.Protocols"
)

func (e *ResultError) sentence() string {
	table := map[int]string{}
	switch e.Protocol {
	case PCP:
		table = pcpResults()
	case NATPMP:
		table = natpmpResults()
	case UPnP:
		table = upnpResults()
	}
	if s, ok := table[e.Code]; ok {
		return s
	}
	return "the gateway refused, for a reason that the protocol does not know"
}

func pcpResults() map[int]string {
	return map[int]string{
		1:  "the gateway does not speak version 2 of the protocol",
		2:  adviceOff,
		3:  adviceMalformed,
		4:  "the gateway does not map ports by this protocol",
		5:  adviceMalformed,
		6:  adviceMalformed,
		7:  adviceNoWAN,
		8:  adviceResources,
		9:  "the gateway does not map TCP ports",
		10: "this host has as many mappings as the gateway allows: close other programs' mappings first",
		11: "the gateway cannot provide the external port",
		12: "another NAT is between this host and the gateway: set Mapper.Gateway to the nearest one",
		13: adviceResources,
	}
}

func natpmpResults() map[int]string {
	return map[int]string{
		1: "the gateway does not speak version 0 of the protocol",
		2: adviceOff,
		3: adviceNoWAN,
		4: adviceResources,
		5: "the gateway does not map ports by this protocol",
	}
}

func upnpResults() map[int]string {
	return map[int]string{
		401: "the gateway does not map ports by this protocol",
		402: adviceMalformed,
		501: "the gateway failed: restart it",
		606: adviceOff,
		714: "the gateway knows no such mapping",
		715: adviceMalformed,
		716: adviceMalformed,
		718: "the external port is forwarded to another host, and so was each other one that was asked for",
		724: "the gateway maps a port to the same number only, and that one is taken: set Active.Ports to another range",
		725: "the gateway grants permanent mappings only, and refused one of these",
		728: adviceResources,
		729: "the external port is used by the gateway itself, and so was each other one that was asked for",
		732: adviceMalformed,
	}
}

// silence is the error of a gateway or a server that did not answer.
type silence struct {
	who    string
	waited time.Duration // zero: the host answered that nothing listens there
}

func (e *silence) Error() string {
	if e.waited == 0 {
		return "nothing listens at " + e.who
	}
	return fmt.Sprintf("no answer from %s within %s", e.who, e.waited)
}

func (e *silence) Is(target error) bool { return target == ErrNoAnswer }

// join adds an error to those before it, on one line.
func join(before, err error) error {
	if before == nil {
		return err
	}
	return fmt.Errorf("%w; %w", before, err)
}
