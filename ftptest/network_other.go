//go:build !linux

package ftptest

import (
	"context"
	"errors"
	"net"
)

// BlackHole is not to be had from this operating system without privileges.
func (hostNetwork) BlackHole(context.Context, string, string) (net.Listener, error) {
	return nil, errors.New("a port that swallows connections needs Linux, or a network in memory")
}

// keepUrgentInline does nothing here: the urgent byte is lost, which the reader can bear.
func keepUrgentInline(net.Conn) {}
