// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"mashproxy/cache"
	"mashproxy/mashery"
)

// fuzzMounts are those of FuzzRecognise. The first has an open role.
var fuzzMounts = []string{"mash", "mash/eu", "team/mash"}

// FuzzRecognise holds what is done with a request against what Vault would do
// with it, told here in another way: Vault decodes a path once, its client has
// cleaned it before, and the engine knows its paths by regular expressions.
func FuzzRecognise(f *testing.F) {
	for _, seed := range fuzzSeeds() {
		f.Add(seed[0], seed[1], seed[2])
	}
	open := block("mash")
	open.Reveal = []string{"open"}
	h := recogniser(open, block("mash/eu"), block("team/|mash"))
	credential := regexp.MustCompile(`^(mash|mash/eu|team/mash)/roles/\w(([\w-.]+)?\w)?/(grant|token|export|pem)/?$`)
	opened := regexp.MustCompile(`^mash/roles/open/(grant|token)/?$`)
	creation := regexp.MustCompile(`^(.+/)?auth/token/create(-orphan|/.*)?$`)
	local := regexp.MustCompile(`^(mash|mash/eu|team/mash)/roles/[^/]+/proxy/(v2|v2/.+|v3/.+|v3-method/[^/]+/.+)$`)

	f.Fuzz(func(t *testing.T, method, target, namespace string) {
		text := method + " " + target
		if namespace != "" {
			text += "\nX-Vault-Namespace: " + namespace
		}
		r, err := readRequest(text)
		if err != nil {
			return
		}
		c, refusal := h.read(&Listener{}, r)
		if refusal != nil {
			return
		}
		raw, _, _ := strings.Cut(r.RequestURI, "?")
		decoded, err := url.PathUnescape(raw)
		if err != nil {
			t.Fatalf("%q is not refused", raw)
		}
		if c != nil {
			wantTrueRoute(t, c, raw, decoded)
			return
		}
		below, isVault := strings.CutPrefix(path.Join("/", decoded), "/v1/")
		if !isVault {
			return
		}
		claimed := strings.TrimPrefix(path.Join("/", r.Header.Get("X-Vault-Namespace"), below), "/")
		for _, routed := range []string{below, claimed} {
			if credential.MatchString(routed) && !opened.MatchString(routed) || creation.MatchString(routed) {
				t.Errorf("%q is passed on, which Vault takes for %q", text, routed)
			}
		}
		if local.MatchString(claimed) {
			t.Errorf("%q is passed on past policy and pacing, as %q", text, claimed)
		}
	})
}

// FuzzParseGrant reads what may come where a grant or a shared token should be.
// What is taken for one can be put into a request, and nothing else is said of
// what was refused.
func FuzzParseGrant(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"t0ken","qps":2,"key_id":"id","v3_endpoint":"https://a/v3"}`,
		`{"access_token":"t0ken","expiry_epoch":1772370000,"token_time_remaining":3600,"qps":"2.5"}`,
		`{"api_key":"key","sig":"0a1b","area_nid":712,"qps":1e3}`, `{"api_key":"key","sig":"s&x=\r\n","area_nid":"712/.."}`,
		`{"access_token":["t"],"qps":null}`, `{"access_token":"tök en"}`, `{"qps":"NaN"}`, `{}`, `null`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var data map[string]any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&data) != nil {
			return
		}
		for _, key := range []cache.Key{{API: 2}, {API: 3}, {API: 3, Shared: true}} {
			grant, err := ParseGrant(key, data)
			if err != nil {
				continue
			}
			secrets := []mashery.Secret{grant.AccessToken}
			if key.API == 2 {
				secrets = []mashery.Secret{grant.APIKey, grant.Signature}
			}
			for _, secret := range secrets {
				if got, err := sentAndRead(secret.Reveal()); err != nil || got != secret.Reveal() || got == "" {
					t.Errorf("%q is taken for a credential, and read as %q: %v", secret.Reveal(), got, err)
				}
			}
			if !(grant.QPS >= 0) || key.API == 2 && grant.AreaNID <= 0 {
				t.Errorf("%s is taken for %+v", text, grant)
			}
		}
	})
}

// sentAndRead is a header's value as the other side reads it.
func sentAndRead(value string) (string, error) {
	r, err := http.NewRequest("GET", "https://a/", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", value)
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		return "", err
	}
	read, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		return "", err
	}
	return read.Header.Get("Authorization"), nil
}

// wantTrueRoute holds a local call against the path it was read from.
func wantTrueRoute(t *testing.T, c *route, raw, decoded string) {
	t.Helper()
	role := "/roles/" + c.role + "/proxy/"
	at := strings.Index(raw, role)
	if at < 0 || !strings.HasSuffix(decoded, "/roles/"+c.role+"/"+c.below) {
		t.Fatalf("%q is served as %+v", raw, c)
	}
	before, below := raw[:at], raw[at+len(role):]
	if path.Base(c.mount.Path()) != path.Base(before) || !strings.HasPrefix(before, "/v1/") {
		t.Errorf("%q is served as %+v", raw, c)
	}
	if c.api == mashery.V2 {
		if below != strings.TrimSuffix("v2/"+c.method, "/") {
			t.Errorf("%q is served as V2 method %q", raw, c.method)
		}
		return
	}
	written, isV3 := strings.CutPrefix(below, "v3/")
	if !isV3 {
		_, written, isV3 = strings.Cut(strings.TrimPrefix(below, "v3-method/"), "/")
	}
	if written != c.tail && !strings.EqualFold(written, c.tail+";target-method-"+c.verb) || !isV3 {
		t.Errorf("%q sends %q", raw, c.tail)
	}
	for range 3 {
		for _, segment := range strings.Split(c.tail, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q climbs at Mashery", raw)
			}
		}
		next, err := url.PathUnescape(c.tail)
		if err != nil {
			break
		}
		c.tail = next
	}
}

func fuzzSeeds() (seeds [][3]string) {
	for _, path := range []string{
		"/proxy/v2", "/proxy/v2/object.query", "/proxy/v3/services/1?fields=id", "/proxy/v3/a%2Fb%252e;c",
		"/proxy/v3/s;target-method-put", "/proxy/v3/..;target-method-put", "/proxy/v3-method/delete/s/%2e%2e",
		"/grant", "/grant/", "/token?x", "/gr%61nt", "/export", "/pem%2F", "%2Fproxy%2Fv3%2Fs", "/proxy/v3/s#x",
	} {
		for _, mount := range fuzzMounts {
			seeds = append(seeds, [3]string{"GET", "/v1/" + mount + "/roles/demo" + path, ""}, [3]string{"POST", "/v1/" + mount + "/roles/open" + path, "team"})
		}
	}
	return append(seeds,
		[3]string{"POST", "/v1/auth/token/create-orphan", ""}, [3]string{"POST", "/v1/a/auth/token/create/b", "x/y"},
		[3]string{"LIST", "/v1/mash/roles/", "/team/"}, [3]string{"GET", "http://host/v1/mash/roles/demo/grant", "root"},
		[3]string{"get", "/v1//mash/roles/demo/%2e%2e/grant", ".."}, [3]string{"GET", "/proxy/v1/metrics", "%74eam"},
		[3]string{"CONNECT", "host:443", ""}, [3]string{"OPTIONS", "*", ""},
	)
}
