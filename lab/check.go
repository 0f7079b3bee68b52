//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/dualport/ftp"
	"github.com/dualport/ftp/internal/realserver"
)

// check finds mistakes in a scenario before anything is built of it.
func (s *Scenario) check() error {
	switch {
	case s.Title == "" || s.About == "":
		return errors.New("title and about are missing")
	case len(s.FTP.Daemons) == 0 || len(s.Runs) == 0:
		return errors.New("no daemons or no runs")
	}
	for _, host := range append([]string{s.FTP.host()}, s.places()...) {
		if !slices.Contains(hosts, host) {
			return fmt.Errorf("%q is no host; use one of %s", host, strings.Join(hosts, ", "))
		}
	}
	return errors.Join(s.Client.check("client"), s.Server.check("server"), s.FTP.check(), s.checkServices(), s.checkRuns())
}

func (l LAN) check(field string) error {
	if !slices.Contains([]string{"", "private", "public"}, l.Addresses) {
		return fmt.Errorf("%s.addresses is %q; use private or public", field, l.Addresses)
	}
	if !slices.Contains([]string{"4", "6", "4 6"}, l.families()) {
		return fmt.Errorf("%s.families is %q; use 4, 6 or \"4 6\"", field, l.Families)
	}
	return nil
}

func (f FTP) check() error {
	for _, daemon := range f.Daemons {
		if daemon != "odd" && !slices.Contains(realserver.Names(), daemon) {
			return fmt.Errorf("unknown daemon %q; use odd or one of %s", daemon, strings.Join(realserver.Names(), ", "))
		}
	}
	for daemon := range f.Extra {
		if !slices.Contains(f.Daemons, daemon) {
			return fmt.Errorf("extra is for %q, which is not among the daemons", daemon)
		}
	}
	if f.PassivePorts == "" {
		return nil
	}
	_, err := ftp.ParsePortRange(f.PassivePorts)
	return err
}

func (s *Scenario) checkServices() error {
	n := &network{plan: s.plan()}
	for _, service := range s.Services {
		if !slices.Contains(serviceNames, service.Run) {
			return fmt.Errorf("unknown service %q; use one of %s", service.Run, strings.Join(serviceNames, ", "))
		}
		if _, err := netip.ParseAddrPort(n.expand(service.Listen)); err != nil {
			return fmt.Errorf("service %s: listen is %q; want address:port", service.Run, service.Listen)
		}
	}
	return nil
}

func (s *Scenario) checkRuns() error {
	n := &network{plan: s.plan()}
	for i, r := range s.Runs {
		if r.Name == "" {
			return fmt.Errorf("run %d has no name", i+1)
		}
		for _, daemon := range r.Only {
			if !slices.Contains(s.FTP.Daemons, daemon) {
				return fmt.Errorf("run %q is only for %q, which is not among the daemons", r.Name, daemon)
			}
		}
		for _, verb := range strings.Fields(r.Do) {
			if !slices.Contains([]string{"get", "put", "ls", "doctor"}, verb) {
				return fmt.Errorf("run %q is to do %q; use get, put, ls or doctor", r.Name, verb)
			}
		}
		texts := slices.Concat([]string{r.URL, r.User, r.Flags}, r.Env, r.Want.Dialled, r.Want.Never, r.Want.Accepted, r.Want.Log, r.Want.Error)
		for _, text := range texts {
			if name := unknownName.FindString(n.expand(text)); name != "" {
				return fmt.Errorf("run %q: %s stands for nothing", r.Name, name)
			}
		}
	}
	return nil
}

// unknownName is what expand leaves of a {NAME} that it does not know.
var unknownName = regexp.MustCompile(`\{[a-z_]+6?\}`)

// places are the hosts that the scenario names.
func (s *Scenario) places() []string {
	var places []string
	for host := range s.Names {
		places = append(places, host)
	}
	for _, service := range s.Services {
		places = append(places, service.At)
	}
	for _, run := range s.Runs {
		for _, step := range slices.Concat(run.Before, run.During) {
			places = append(places, step.On)
		}
		for _, gone := range run.Want.Gone {
			places = append(places, gone.On)
		}
		for _, follow := range run.Advice {
			if follow.On != "" {
				places = append(places, follow.On)
			}
		}
	}
	return places
}
