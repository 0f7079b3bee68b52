// Package portmap asks the gateway of this network to forward ports to this host.
package portmap
