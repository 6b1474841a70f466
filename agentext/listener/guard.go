// SPDX-License-Identifier: MPL-2.0

package listener

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"mashproxy/agentext/apierror"
	"mashproxy/mashery"
)

// GuardConfig is what a guard knows of its listener.
type GuardConfig struct {
	// Address is the listener's as configured, host:port.
	Address string
}

// Guard keeps web pages away from a tcp listener. A browser on this machine can
// reach it, and so can any page it shows, under a name of the page's own (DNS
// rebinding) or across origins; neither can choose Host, Origin or
// Sec-Fetch-Site. What is refused is answered 403 guard_denied.
func Guard(next http.Handler, c GuardConfig) http.Handler {
	g := guard{address: c.Address}
	g.host, _, _ = net.SplitHostPort(c.Address)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.check(r); err != nil {
			w.Header().Set(apierror.SourceHeader, apierror.FromMashproxy)
			apierror.Write(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type guard struct {
	address string
	host    string // of address
}

func (g guard) check(r *http.Request) *apierror.Error {
	if !g.isOurs(r) {
		return denied("Host %q is not this listener: use %s, localhost or another loopback address in the base URL", r.Host, g.address)
	}
	for _, origin := range r.Header["Origin"] {
		if len(r.Header["Origin"]) > 1 || !sameOrigin(origin, r.Host) {
			return denied("the call comes from a web page (Origin %q), which may not use this listener: "+
				"call from a program, or from a page of this listener's own address", origin)
		}
	}
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return denied("the call comes from a web page (Sec-Fetch-Site %q), which may not use this listener: call from a program", site)
		}
	}
	return nil
}

// isOurs says whether the Host is the listener's address or a loopback one.
// net/http refuses several Host headers, and HTTP/1.1 without one.
func (g guard) isOurs(r *http.Request) bool {
	host := hostOf(r.Host)
	if host == "" {
		return false
	}
	return strings.EqualFold(host, g.host) || mashery.IsLoopback(host) || g.isLocal(host, r)
}

// isLocal says whether host is the address the connection came in at, on a
// listener that has all of them.
func (g guard) isLocal(host string, r *http.Request) bool {
	if unspecified := net.ParseIP(g.host); g.host != "" && (unspecified == nil || !unspecified.IsUnspecified()) {
		return false
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	ip := net.ParseIP(host)
	return ok && ip != nil && ip.Equal(local.IP)
}

// hostOf is the host of a Host header, without port and brackets; "" when it is
// none.
func hostOf(header string) string {
	if host, port, err := net.SplitHostPort(header); err == nil {
		if strings.Trim(port, "0123456789") != "" {
			return ""
		}
		return host
	}
	if host, found := strings.CutPrefix(header, "["); found {
		if host, found = strings.CutSuffix(host, "]"); found {
			return host
		}
		return ""
	}
	if strings.Contains(header, ":") {
		return ""
	}
	return header
}

func sameOrigin(origin, host string) bool {
	return strings.EqualFold(origin, "http://"+host) || strings.EqualFold(origin, "https://"+host)
}

func denied(format string, args ...any) *apierror.Error {
	return apierror.New(http.StatusForbidden, apierror.GuardDenied, "%s", fmt.Sprintf(format, args...))
}
