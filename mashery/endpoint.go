// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Mashery's own endpoints [developer.mashery.com, V2 and V3 Authentication].
const (
	DefaultV2Endpoint      = "https://api.mashery.com/v2/json-rpc"
	DefaultV3Endpoint      = "https://api.mashery.com/v3/rest"
	DefaultV3TokenEndpoint = "https://api.mashery.com/v3/token"
)

// ParseEndpoint reads the address of one of Mashery's APIs. It must be https,
// or http to a loopback address, because a credential is sent there; and it
// has no user, query or fragment, and no path that servers read differently.
// Slashes at its end are dropped. No error repeats what may be a password.
func ParseEndpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil {
		return nil, errors.New("endpoint is not a URL; write it like " + DefaultV3Endpoint)
	}
	switch {
	case u.User != nil || strings.ContainsAny(raw, "?#"):
		return nil, fmt.Errorf("endpoint on host %q must have no user, query or fragment", u.Host)
	case u.Hostname() == "":
		return nil, errors.New("endpoint names no host; write it like " + DefaultV3Endpoint)
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return nil, fmt.Errorf("endpoint %q would send credentials in clear; use https (http is allowed to a loopback address only)", raw)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("endpoint %q must begin with https:// (or http:// to a loopback address)", raw)
	case !dialable(u):
		return nil, fmt.Errorf("endpoint %q names a port that cannot be; ports are from 1 to 65535", raw)
	}
	if flaw := PathFlaw(u.EscapedPath()); flaw != "" {
		return nil, fmt.Errorf("endpoint %q holds %s in its path; write it without", raw, flaw)
	}
	return u, nil
}

// dialable tells whether the port, if one is named, can be.
func dialable(u *url.URL) bool {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && port > 0
}

// sameEndpoint tells whether text names the endpoint: the same but for slashes
// at its end, the case of scheme and host, and a port that is the scheme's. No
// text names any.
func sameEndpoint(endpoint *url.URL, text string) bool {
	if rest, is := strings.CutPrefix(text, endpoint.Scheme+"://"+endpoint.Host); text == "" || is && rest == endpoint.Path {
		return true
	}
	other, err := ParseEndpoint(text)
	return err == nil && normal(other) == normal(endpoint)
}

// normal is an endpoint in the one spelling that others can be compared with.
func normal(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(host, port) + strings.TrimRight(u.EscapedPath(), "/")
}

// IsLoopback tells whether host, without a port, is localhost or a loopback
// address. Other names are not looked up: what they resolve to may change.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
