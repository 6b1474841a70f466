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
	if c.ProxyServer == "" {
		return nil, nil
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

func (c config) egressAuthorization() (mashery.Secret, error) {
	creds := c.ProxyServerCreds.Reveal()
	if creds == "" {
		return mashery.Secret{}, nil
	}
	scheme := cmp.Or(c.ProxyServerAuth, "Basic")
	switch {
	case !authScheme.MatchString(scheme):
		return mashery.Secret{}, errors.New("proxy_server_auth must be one word, such as Basic or Bearer")
	case strings.ContainsFunc(creds, unicode.IsControl):
		return mashery.Secret{}, errors.New("proxy_server_creds holds a line break or another control character; does it come from a file?")
	case !strings.EqualFold(scheme, "Basic"):
		return mashery.NewSecret(scheme + " " + creds), nil
	case !strings.Contains(creds, ":"):
		return mashery.Secret{}, errors.New("proxy_server_creds must be user:password where proxy_server_auth is Basic")
	}
	return mashery.NewSecret("Basic " + base64.StdEncoding.EncodeToString([]byte(creds))), nil
}
