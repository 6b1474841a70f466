// SPDX-License-Identifier: MPL-2.0

package config

import (
	"encoding/base64"
	"net/url"
	"strings"

	"mashproxy/mashery"
)

// egress reads the proxy that Mashery is reached through. The address may hold
// user and password, so that no problem with it repeats it.
func (b *blockReader) egress(raw *string) *mashery.Egress {
	if raw == nil || *raw == "" {
		return nil
	}
	address, authorization := cutUser(*raw)
	u, err := mashery.ParseEgress(address)
	if err != nil {
		detail := sentence(err.Error())
		if strings.Contains(*raw, "@") {
			detail += ` In user and password, write "@" as %40, ":" as %3A, "/" as %2F, "#" as %23, "?" as %3F and "%" as %25.`
		}
		b.error(b.at("proxy_address"), "proxy_address cannot be used", detail)
		return nil
	}
	return &mashery.Egress{Address: u, Authorization: authorization}
}

// cutUser takes user and password out of an address. One that cannot be read
// comes back as it is.
func cutUser(address string) (rest string, authorization mashery.Secret) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address, mashery.Secret{}
	}
	password, _ := u.User.Password()
	basic := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
	u.User = nil
	return u.String(), mashery.NewSecret("Basic " + basic)
}
