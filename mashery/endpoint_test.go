// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"errors"
	"strings"
	"testing"
)

func TestParseEndpointAccepts(t *testing.T) {
	for _, test := range []struct{ name, raw, want string }{
		{"https to any host", "https://api.mashery.com/v3/rest", "https://api.mashery.com/v3/rest"},
		{"a port", "https://mashery.example:8443/v3", "https://mashery.example:8443/v3"},
		{"the last port", "https://mashery.example:65535", "https://mashery.example:65535"},
		{"no path", "https://mashery.example", "https://mashery.example"},
		{"http to localhost", "http://localhost:8400/v3/rest", "http://localhost:8400/v3/rest"},
		{"http to LOCALHOST", "HTTP://LOCALHOST:8400", "http://LOCALHOST:8400"},
		{"http to 127.0.0.1", "http://127.0.0.1:8400", "http://127.0.0.1:8400"},
		{"http to another loopback address", "http://127.8.9.10", "http://127.8.9.10"},
		{"http to ::1", "http://[::1]:8400/x", "http://[::1]:8400/x"},
		{"a slash at the end, dropped", "https://mashery.example/v3/rest/", "https://mashery.example/v3/rest"},
		{"several slashes at the end, dropped", "https://mashery.example///", "https://mashery.example"},
		{"an escaped path, kept", "https://mashery.example/a%2Fb/", "https://mashery.example/a%2Fb"},
		{"an escaped slash at the end, kept", "https://mashery.example/a%2F", "https://mashery.example/a%2F"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := ParseEndpoint(test.raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := u.String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestParseEndpointRefuses(t *testing.T) {
	for _, test := range []struct{ name, raw, says string }{
		{"nothing", "", "names no host"},
		{"http to another host", "http://api.mashery.com/v3", "in clear"},
		{"http to a name that looks like loopback", "http://localhost.example.com", "in clear"},
		{"http to an address that begins like loopback", "http://127.0.0.1.example.com", "in clear"},
		{"http to an address that is all interfaces", "http://0.0.0.0:8400", "in clear"},
		{"a user", "https://root@mashery.example", "no user"},
		{"a user and a password", "https://root:hunter2@mashery.example", "no user"},
		{"a user and a password on another scheme", "ftp://root:hunter2@mashery.example", "no user"},
		{"a password and no scheme", "root:hunter2@mashery.example/v3", "names no host"},
		{"a password in what is not a URL", "https://root:hunter2@mashery.example:port/%zz", "not a URL"},
		{"a query", "https://mashery.example/v3?apikey=hunter2", "no user, query"},
		{"a lone question mark", "https://mashery.example/v3?", "no user, query"},
		{"a query that ends in a slash", "https://mashery.example/v3?hunter2/", "no user, query"},
		{"a fragment", "https://mashery.example/v3#top", "no user, query"},
		{"a lone hash", "https://mashery.example/v3#", "no user, query"},
		{"no scheme", "mashery.example/v3", "names no host"},
		{"no host", "https:///v3/rest", "names no host"},
		{"a port and no host", "https://:8443/v3", "names no host"},
		{"another scheme", "ftp://mashery.example/v3", "must begin with https"},
		{"an opaque URL", "https:mashery.example", "names no host"},
		{"an empty segment first", "https://mashery.example//v3", "an empty segment"},
		{"an empty segment inside", "https://mashery.example/v3//rest", "an empty segment"},
		{"a segment that climbs", "https://mashery.example/../v3", "the segment \"..\""},
		{"a segment that climbs, escaped", "https://mashery.example/v3/%2e%2e", "the segment \"..\""},
		{"a segment that some take for a climbing one", "https://mashery.example/v3/..;x/rest", "the segment \"..;x\""},
		{"port nought", "https://mashery.example:0/v3", "from 1 to 65535"},
		{"a port beyond the last", "http://127.0.0.1:65536/v3", "from 1 to 65535"},
		{"a port beyond all", "https://mashery.example:99999999999999999999/v3", "from 1 to 65535"},
		{"a control character", "https://mashery.example/v3\n", "not a URL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := ParseEndpoint(test.raw)
			if err == nil {
				t.Fatalf("accepted as %s", u)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("says %q, want it to say %q", err, test.says)
			}
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("repeats a password: %q", err)
			}
		})
	}
}

func TestDefaultEndpointsAreAccepted(t *testing.T) {
	for _, raw := range []string{DefaultV2Endpoint, DefaultV3Endpoint, DefaultV3TokenEndpoint} {
		if u, err := ParseEndpoint(raw); err != nil || u.String() != raw {
			t.Errorf("%s is %v, %v", raw, u, err)
		}
	}
}

func TestAGrantForAnotherAddressIsNotUsed(t *testing.T) {
	for _, test := range []struct {
		granted string
		same    bool
	}{
		{"", true},
		{"https://mashery.example/v3/rest", true},
		{"https://mashery.example/v3/rest/", true},
		{"https://mashery.example:443/v3/rest//", true},
		{"HTTPS://Mashery.Example/v3/rest", true},
		{"https://mashery.example/v3", false},
		{"https://mashery.example/V3/rest", false},
		{"https://mashery.example:8443/v3/rest", false},
		{"https://mashery.example.org/v3/rest", false},
		{"https://mashery.example/v3/rest2", false},
		{"https://user@mashery.example/v3/rest", false},
		{"http://mashery.example/v3/rest", false},
		{"://", false},
	} {
		grant := v3Grant()
		grant.Endpoint = test.granted
		mashery := script(ok())
		got, err := sender(mashery).Send(t.Context(), &Call{API: V3, Method: "GET", Budget: unlimited()}, from(grant))
		if (err == nil) != test.same || (len(mashery.seen) == 1) != test.same {
			t.Errorf("%q: %v after %d calls", test.granted, err, len(mashery.seen))
		}
		mismatch := (*EndpointMismatchError)(nil)
		if err == nil {
			got.Body.Close()
		} else if !errors.As(err, &mismatch) || mismatch.Granted != test.granted || !strings.Contains(err.Error(), "v3_endpoint") {
			t.Errorf("%q: %v", test.granted, err)
		}
	}
}
