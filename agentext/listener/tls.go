// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"crypto/tls"
	"errors"

	"github.com/hashicorp/cli"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/internalshared/listenerutil"
)

// tlsSettings are Vault's of the same block; nil where it is plain.
func tlsSettings(config *configutil.Listener, log hclog.Logger) (*tls.Config, func() error, error) {
	if isPlain(config) {
		return nil, nil, nil
	}
	if config.TLSCertFile == "" || config.TLSKeyFile == "" {
		return nil, nil, errors.New("set tls_cert_file and tls_key_file, or tls_disable = true for plain HTTP")
	}
	settings, reload, err := listenerutil.TLSConfig(config, map[string]string{}, notices{log: log})
	return settings, reload, err
}

// isPlain says whether there is no TLS: also on a unix listener that does not
// speak of it, which Vault Proxy asks for a certificate.
func isPlain(config *configutil.Listener) bool {
	if config.TLSDisable {
		return true
	}
	return config.Type == configutil.Unix && config.TLSCertFile == "" && config.TLSKeyFile == "" &&
		config.TLSClientCAFile == "" && !config.TLSRequireAndVerifyClientCert
}

// notices is what listenerutil needs of a terminal.
type notices struct {
	cli.Ui
	log hclog.Logger
}

func (n notices) Warn(text string) { n.log.Warn(text) }

// AskSecret is asked for the passphrase of a key; a service has nobody to ask.
func (notices) AskSecret(string) (string, error) {
	return "", errors.New("tls_key_file is encrypted: decrypt it first, a passphrase cannot be asked for")
}
