// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"maps"
	"net/http"
	"net/textproto"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// unwanted are headers no caller may send on to Mashery.
var unwanted = []string{
	"X-Vault-Token", "X-Vault-Namespace", "X-Vault-Request", "X-Vault-Wrap-TTL", "X-Vault-Anything-New",
	"Authorization", "Cookie", "Origin", "Referer", "Via", "Forwarded",
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything-New",
	"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override", "X-HTTP_Method",
	"X-Original-URL", "X-Rewrite-URL", "X_Vault_Token", "X_Forwarded_For",
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
}

// spellings of a header's name that all mean the same.
func spellings(name string) []string {
	mixed := []byte(strings.ToLower(name))
	for i := range mixed {
		if i%2 == 1 {
			mixed[i] = strings.ToUpper(string(mixed[i]))[0]
		}
	}
	return []string{name, strings.ToLower(name), strings.ToUpper(name), string(mixed)}
}

func TestWhatIsNoneOfMasherysBusinessStaysHere(t *testing.T) {
	for _, name := range unwanted {
		for _, spelt := range spellings(name) {
			t.Run(spelt, func(t *testing.T) {
				out := cleanRequestHeader(http.Header{spelt: {"x"}, "Accept": {"y"}})
				delete(out, "User-Agent")
				if want := (http.Header{"Accept": {"y"}}); !reflect.DeepEqual(out, want) {
					t.Errorf("sent on: %v", out)
				}
			})
		}
	}
}

func TestEverythingElseGoesToMashery(t *testing.T) {
	in := http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "Content-Type": {"text/x"}, "User-Agent": {"Go/1"},
		"X-Custom": {"a", "b"}, "X-Vaulted": {"1"}, "X-Forward": {"1"}, "Range": {"bytes=0-1"}, "If-None-Match": {`"e"`},
	}
	if out := cleanRequestHeader(in); !reflect.DeepEqual(out, in) {
		t.Errorf("sent on: %v, want %v", out, in)
	}
}

func TestWhatConnectionNamesStaysHere(t *testing.T) {
	for _, lines := range [][]string{
		{"X-Hop, keep-alive"}, {"keep-alive", "x-hop"}, {" \tX-HOP ,,"}, {"close,X-Hop"},
	} {
		out := cleanRequestHeader(http.Header{"Connection": lines, "X-Hop": {"1"}, "Keep-Alive": {"1"}, "X-End": {"2"}})
		delete(out, "User-Agent")
		if want := (http.Header{"X-End": {"2"}}); !reflect.DeepEqual(out, want) {
			t.Errorf("of Connection %q sent on: %v", lines, out)
		}
	}
}

func TestANameSpeltTwiceKeepsAllItsValues(t *testing.T) {
	out := cleanRequestHeader(http.Header{"x-custom": {"a"}, "X-Custom": {"b"}, "Connection": {"x-hop"}, "x-hop": {"1"}, "X-Hop": {"2"}})
	slices.Sort(out["X-Custom"])
	delete(out, "User-Agent")
	if want := (http.Header{"X-Custom": {"a", "b"}}); !reflect.DeepEqual(out, want) {
		t.Errorf("sent on: %v, want %v", out, want)
	}
}

func TestCleaningLeavesTheCallersHeaderAlone(t *testing.T) {
	in := http.Header{"Authorization": {"a"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}, "x-custom": {"1"}, "X-Custom": {"2"}}
	before := in.Clone()
	cleanRequestHeader(in).Set("Authorization", "Bearer ours")
	if !reflect.DeepEqual(in, before) {
		t.Errorf("became %v", in)
	}
}

func TestCleaningNoHeaderGivesAUsableOne(t *testing.T) {
	out := cleanRequestHeader(nil)
	out.Set("Authorization", "Bearer x") // would panic on a nil map
	if agent, named := out["User-Agent"]; !named || agent[0] != "" {
		t.Errorf("net/http would invent a User-Agent: %v", out)
	}
}

func TestAnAnswersHeaderIsCleaned(t *testing.T) {
	full := func() http.Header {
		return http.Header{
			"Set-Cookie": {"a=b", "c=d"}, "Location": {"https://mashery.example/?apikey=k&sig=s"}, "Date": {"Mon, 02 Jan 2006 15:04:05 GMT"},
			"Connection": {"close, X-Hop"}, "X-Hop": {"1"}, "Keep-Alive": {"timeout=5"}, "Trailer": {"X-T"}, "Upgrade": {"h2c"},
			"Transfer-Encoding": {"chunked"}, "Proxy-Authenticate": {"Basic"}, "Proxy-Connection": {"close"},
			"X-Total-Count": {"250"}, "X-Mashery-Error-Code": {"E"}, "Www-Authenticate": {"Bearer"}, "Retry-After": {"1"},
		}
	}
	kept := http.Header{
		"Date": {"Mon, 02 Jan 2006 15:04:05 GMT"}, "X-Server-Date": {"Mon, 02 Jan 2006 15:04:05 GMT"},
		"X-Total-Count": {"250"}, "X-Mashery-Error-Code": {"E"}, "Www-Authenticate": {"Bearer"}, "Retry-After": {"1"},
	}
	for _, test := range []struct {
		name  string
		grant *Grant
		want  http.Header
	}{
		{"of V2, with its Location", v2Grant(), kept},
		{"of V3, but for its Location", v3Grant(), func() http.Header {
			with := kept.Clone()
			with["Location"] = full()["Location"]
			return with
		}()},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := full()
			cleanAnswerHeader(test.grant, h)
			if !reflect.DeepEqual(h, test.want) {
				t.Errorf("got %v, want %v", h, test.want)
			}
		})
	}
	t.Run("and has no date of Mashery's where Mashery gave none", func(t *testing.T) {
		h := http.Header{"Etag": {"x"}}
		cleanAnswerHeader(v3Grant(), h)
		if want := (http.Header{"Etag": {"x"}}); !reflect.DeepEqual(h, want) {
			t.Errorf("got %v, want %v", h, want)
		}
	})
}

func TestNoHeaderOfAnAnswerHoldsWhatTheCallWasSignedWith(t *testing.T) {
	v2 := &Grant{API: V2, APIKey: NewSecret("f7h3k9q2m5"), AreaNID: 7, Signature: NewSecret("0123456789abcdef0123456789abcdef")}
	v3 := &Grant{API: V3, AccessToken: NewSecret("x4nabcdefghijklm")}
	for name, test := range map[string]struct {
		grant  *Grant
		header http.Header
		kept   bool
	}{
		"the address of a V2 call":      {v2, http.Header{"Content-Location": {"http://m/v2/json-rpc/7?apikey=f7h3k9q2m5&sig=0123456789abcdef0123456789abcdef"}}, false},
		"among other values":            {v2, http.Header{"Link": {"</a>; rel=next", "<?sig=0123456789abcdef0123456789abcdef>"}}, false},
		"the key alone, escaped":        {v2, http.Header{"Refresh": {"0; url=/login?for=%3Fapikey%3Df7h3k9q2m5"}}, false},
		"the token":                     {v3, http.Header{"X-Debug": {"Authorization: Bearer x4nabcdefghijklm"}}, false},
		"the address of a V3 call":      {v3, http.Header{"Content-Location": {"http://m/v3/rest/services?limit=5"}}, true},
		"a part of a signature":         {v2, http.Header{"Etag": {`"0123456789abcdef"`}}, true},
		"nothing at all":                {v2, http.Header{"X-Empty": {""}, "X-None": nil}, true},
		"a word, and the key is a word": {&Grant{API: V2, APIKey: NewSecret("json"), Signature: NewSecret("0123456789abcdef")}, http.Header{"Content-Type": {"application/json"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			want := http.Header{}
			if test.kept {
				want = test.header.Clone()
			}
			if cleanAnswerHeader(test.grant, test.header); !reflect.DeepEqual(test.header, want) {
				t.Errorf("the caller gets %v", test.header)
			}
		})
	}
}

// A whole exchange, because net/http has its own ideas about headers.
func TestHeadersOnTheWire(t *testing.T) {
	var seen http.Header
	mashery := func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		w.Header().Set("Set-Cookie", "session=1")
		w.Header().Set("X-Total-Count", "250")
	}
	protocols(t, mashery, func(t *testing.T, s *Sender) {
		sent := http.Header{"Accept": {"a"}, "X-Custom": {"1", "2"}, "Connection": {"X-Hop"}, "X-Hop": {"1"}}
		for _, name := range unwanted {
			if name != "Connection" {
				sent.Set(name, "x")
			}
		}
		got, _ := send(t, s, &Call{API: V3, Method: http.MethodGet, Path: "x", Header: sent}, from(v3Grant()))
		want := http.Header{"Accept": {"a"}, "X-Custom": {"1", "2"}, "Authorization": {"Bearer the-token"}}
		if !reflect.DeepEqual(seen, want) {
			t.Errorf("Mashery saw %v, want %v", seen, want)
		}
		names := slices.Sorted(maps.Keys(got.Header))
		if want := []string{"Content-Length", "Date", "X-Server-Date", "X-Total-Count"}; !slices.Equal(names, want) {
			t.Errorf("the answer has %v, want %v", names, want)
		}
	})
}

func TestACallersUserAgentIsKept(t *testing.T) {
	for _, agent := range []string{"terraform/1.11", ""} {
		var seen []string
		protocols(t, func(_ http.ResponseWriter, r *http.Request) { seen = r.Header["User-Agent"] }, func(t *testing.T, s *Sender) {
			h := http.Header{}
			if agent != "" {
				h.Set("User-Agent", agent)
			}
			send(t, s, &Call{API: V3, Method: http.MethodGet, Header: h}, from(v3Grant()))
			if got := strings.Join(seen, "|"); got != agent {
				t.Errorf("Mashery saw User-Agent %q, want %q", got, agent)
			}
		})
	}
}

func TestNothingOfTheCallersDisplacesTheCredential(t *testing.T) {
	for name, h := range map[string]http.Header{
		"its own Authorization":          {"Authorization": {"Bearer mine"}},
		"one in lower case":              {"authorization": {"Bearer mine"}},
		"Connection naming it":           {"Connection": {"authorization"}},
		"Connection naming it, with one": {"Connection": {"Authorization, close"}, "Authorization": {"Bearer mine"}, "authorization": {"Bearer mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			mashery := script(ok())
			send(t, sender(mashery), &Call{API: V3, Method: http.MethodGet, Header: h}, from(v3Grant()))
			if got := mashery.seen[0].Header["Authorization"]; !slices.Equal(got, []string{"Bearer the-token"}) {
				t.Errorf("Mashery saw %q", got)
			}
			//lint:ignore SA1008 the other spelling is what must be gone
			if _, both := mashery.seen[0].Header["authorization"]; both {
				t.Error("the caller's went too")
			}
		})
	}
}

func FuzzCleanRequestHeader(f *testing.F) {
	for _, name := range unwanted {
		f.Add(name, "x", "")
		f.Add("X-Custom", "x", strings.ToLower(name))
	}
	f.Add("X-VAULT-", "", ",, ,x-vault-,\t")
	f.Fuzz(func(t *testing.T, name, value, connection string) {
		in := http.Header{name: {value}, "Connection": {connection}, "Accept": {"a"}}
		out := cleanRequestHeader(in)
		named := make(map[string]bool)
		for one := range strings.SplitSeq(in["Connection"][0], ",") {
			named[http.CanonicalHeaderKey(textproto.TrimString(one))] = true
		}
		for got := range out {
			if got != http.CanonicalHeaderKey(got) {
				t.Errorf("%q is not canonical", got)
			}
			if private(got) || hopByHop(got) || named[got] && got != "User-Agent" {
				t.Errorf("%q was sent on", got)
			}
		}
		if wanted := http.CanonicalHeaderKey(name); !private(wanted) && !hopByHop(wanted) && !named[wanted] && len(out[wanted]) == 0 {
			t.Errorf("%q was lost", wanted)
		}
	})
}
