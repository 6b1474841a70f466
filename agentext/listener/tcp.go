// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/vault/internalshared/configutil"

	"mashproxy/mashery"
)

// defaultAddress is Vault Proxy's for a tcp listener without an address.
const defaultAddress = "127.0.0.1:8200"

// keepAlive is Vault's (TCPKeepAliveListener in command/server).
const keepAlive = 3 * time.Minute

func address(config *configutil.Listener) string {
	if config.Address == "" && config.Type == configutil.TCP {
		return defaultAddress
	}
	return config.Address
}

// bindTCP does what StartListener does. As there, proxy_protocol_behavior and
// the x_forwarded_for keys have no effect.
func bindTCP(config *configutil.Listener) (net.Listener, error) {
	network := "tcp"
	if strings.HasPrefix(config.Address, "0.0.0.0:") {
		network = "tcp4" // Go would take IPv6 too
	}
	sockets := net.ListenConfig{KeepAlive: keepAlive}
	return sockets.Listen(context.Background(), network, address(config))
}

// CheckExposure refuses a tcp listener that others than this machine could
// reach: who calls has the rights of the auto-auth token. It must listen on a
// loopback address, or let in only clients with a certificate of an authority
// that is named. Unix listeners pass.
func CheckExposure(config *configutil.Listener) error {
	if config.Type != configutil.TCP || verifiesClients(config) {
		return nil
	}
	host, _, err := net.SplitHostPort(address(config))
	if err != nil {
		return fmt.Errorf("%w: write host:port, such as 127.0.0.1:8300 or [::1]:8300", err)
	}
	if !mashery.IsLoopback(host) {
		return errExposed
	}
	return nil
}

// checkBound looks at what a name such as localhost turned out to be.
func checkBound(config *configutil.Listener, bound net.Addr) error {
	if tcp, ok := bound.(*net.TCPAddr); ok && tcp.IP.IsLoopback() || verifiesClients(config) {
		return nil
	}
	return fmt.Errorf("it is bound to %s: %w", bound, errExposed)
}

var errExposed = errors.New("whoever reaches this listener has the rights of the auto-auth token: " +
	"listen on a loopback address such as 127.0.0.1, or set tls_require_and_verify_client_cert = true and " +
	"tls_client_ca_file, with tls_cert_file and tls_key_file")

// verifiesClients says whether a client must show a certificate. Without an
// authority's file any public one would do.
func verifiesClients(config *configutil.Listener) bool {
	return !config.TLSDisable && config.TLSRequireAndVerifyClientCert && !config.TLSDisableClientCerts &&
		config.TLSClientCAFile != ""
}
