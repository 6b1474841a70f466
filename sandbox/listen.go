// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// anyPort is where something listens that was told no address.
const anyPort = "127.0.0.1:0"

// ports are the sandbox's listening sockets, bound before anything is
// started: a port that is taken is then an error at once, and none can be taken
// by another part of the sandbox.
type ports struct {
	proxy   net.Listener // only reserved: the proxy binds it again, by its file
	vault   net.Listener
	mashery net.Listener
	admin   net.Listener // of the emulated Mashery
}

func bindPorts(o Options) (ports, error) {
	var p ports
	for _, want := range []struct {
		listener      *net.Listener
		flag, address string
	}{
		{&p.proxy, "-listen", o.ProxyListen},
		{&p.vault, "-vault-listen", o.VaultListen},
		{&p.mashery, "-mashery-listen", o.MasheryListen},
		{&p.admin, "-mashery-admin-listen", o.MasheryAdminListen},
	} {
		listener, err := listen(want.flag, want.address)
		if err != nil {
			return ports{}, errors.Join(err, p.Close())
		}
		*want.listener = listener
	}
	return p, nil
}

// Close closes what is bound.
func (p ports) Close() error {
	var errs []error
	for _, listener := range []net.Listener{p.proxy, p.vault, p.mashery, p.admin} {
		if listener != nil {
			errs = append(errs, listener.Close())
		}
	}
	return errors.Join(errs...)
}

// listen binds a loopback address. Its errors name the flag to change.
func listen(flag, address string) (net.Listener, error) {
	if address == "" {
		address = anyPort
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s=%s is not an address such as 127.0.0.1:8300: %w", flag, address, err)
	}
	if !resolved.IP.IsLoopback() {
		return nil, fmt.Errorf("%s=%s: the sandbox listens on loopback addresses only, such as 127.0.0.1:%d",
			flag, address, resolved.Port)
	}
	listener, err := net.ListenTCP("tcp", resolved)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s=%s: another program listens there already; choose another port, or %s=%s for any free one: %w",
			flag, address, flag, anyPort, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w", flag, address, err)
	}
	return listener, nil
}
