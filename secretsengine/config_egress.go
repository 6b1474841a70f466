// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"mashproxy/mashery"
)

// authScheme is the word before the credentials in Proxy-Authorization.
var authScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// egress is the proxy Mashery is reached through; nil: the environment's.
func (c config) egress() (*mashery.Egress, error) {
	if err := c.checkEgress(); err != nil || c.ProxyServer == "" {
		return nil, err
	}
	address, err := mashery.ParseEgress(c.ProxyServer)
	if err != nil {
		return nil, fmt.Errorf("proxy_server: %w", err)
	}
	authorization, err := c.egressAuthorization()
	if err != nil {
		return nil, err
	}
	return &mashery.Egress{Address: address, Authorization: authorization}, nil
}

// checkEgress says what of the settings cannot be right, whatever the others are.
func (c config) checkEgress() error {
	switch {
	case c.ProxyServerAuth != "" && !authScheme.MatchString(c.ProxyServerAuth):
		return errors.New("proxy_server_auth must be one word, such as Basic or Bearer")
	case strings.ContainsFunc(c.ProxyServerCreds.Reveal(), unicode.IsControl):
		return errors.New("proxy_server_creds holds a line break or another control character; does it come from a file?")
	}
	return nil
}

func (c config) egressAuthorization() (mashery.Secret, error) {
	creds := c.ProxyServerCreds.Reveal()
	if creds == "" {
		return mashery.Secret{}, nil
	}
	scheme := cmp.Or(c.ProxyServerAuth, "Basic")
	switch {
	case !strings.EqualFold(scheme, "Basic"):
		return mashery.NewSecret(scheme + " " + creds), nil
	case !strings.Contains(creds, ":"):
		return mashery.Secret{}, errors.New("proxy_server_creds must be user:password where proxy_server_auth is Basic")
	}
	return mashery.NewSecret("Basic " + base64.StdEncoding.EncodeToString([]byte(creds))), nil
}
