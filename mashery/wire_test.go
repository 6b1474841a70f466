// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPathAndQueryAreSentByteForByte(t *testing.T) {
	var seen string
	protocols(t, func(_ http.ResponseWriter, r *http.Request) { seen = r.RequestURI }, func(t *testing.T, s *Sender) {
		for _, test := range []struct{ name, path, query string }{
			{"a plain path", "services", ""},
			{"an empty path", "", ""},
			{"a filter with escaped and plain commas", "services", "filter=name:a%2Cb&fields=id,name"},
			{"an escaped slash", "services/a%2Fb/endpoints", ""},
			{"escapes in both cases", "services/%2f%2F%7e~", "a=%2f%2F"},
			{"a semicolon in path and query", "services;v=1/x", "a;b=c;d"},
			{"braces and other odd bytes", `services/{id}|^"<>\` + "`", `q={a}|"<>\^` + "`"},
			{"bytes that are not ASCII", "services/\xc3\xa9\xff", "q=\xe2\x82\xac\xfe"},
			{"escapes of bytes that are not ASCII", "services/%C3%A9%FF", "q=%E2%82%AC"},
			{"an escape that is none", "services", "q=100%&r=%zz"},
			{"a plus and an escaped space", "services/a+b%20c", "q=a+b%20c"},
			{"several question marks", "services", "a=?&?b"},
			{"a slash at the end", "services/", ""},
			{"the same name many times", "services", "filter=a&filter=b&filter=&filter"},
			{"a hash", "services/a#b", "c#d"},
			{"what looks like another host", "@evil.example/:80", "http://evil.example"},
		} {
			t.Run(test.name, func(t *testing.T) {
				send(t, s, &Call{API: V3, Method: http.MethodGet, Path: test.path, RawQuery: test.query}, from(v3Grant()))
				want := "/v3/rest/" + test.path
				if test.query != "" {
					want += "?" + test.query
				}
				if seen != want {
					t.Errorf("Mashery saw %q, want %q", seen, want)
				}
			})
		}
		t.Run("a lone question mark", func(t *testing.T) {
			send(t, s, &Call{API: V3, Method: http.MethodGet, Path: "services", ForceQuery: true}, from(v3Grant()))
			if want := "/v3/rest/services?"; seen != want {
				t.Errorf("Mashery saw %q, want %q", seen, want)
			}
		})
		t.Run("a space, which only HTTP/2 can bring, is escaped", func(t *testing.T) {
			send(t, s, &Call{API: V3, Method: http.MethodGet, Path: "a b", RawQuery: "c=d HTTP/1.0"}, from(v3Grant()))
			if want := "/v3/rest/a%20b?c=d%20HTTP/1.0"; seen != want {
				t.Errorf("Mashery saw %q, want %q", seen, want)
			}
		})
	})
}

func TestAControlCharacterInTheAddressIsNotSent(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("sent") }))
	defer server.Close()
	_, err := reach(t, server).Send(t.Context(), &Call{API: V3, Method: http.MethodGet, Path: "a\r\nX-Evil: 1"}, from(v3Grant()))
	if err == nil || strings.Contains(err.Error(), "Evil") {
		t.Errorf("got %v", err)
	}
}

func TestAnEndpointsOwnPathIsSentAsConfigured(t *testing.T) {
	for _, test := range []struct{ name, endpoint, want string }{
		{"none", "", "/services"},
		{"one with escapes", "/a%2Fb/v3", "/a%2Fb/v3/services"},
		{"one that ends in a slash", "/v3/", "/v3/services"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var seen string
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RequestURI }))
			defer server.Close()
			s := reach(t, server)
			s.V3 = address(server.URL + test.endpoint)
			send(t, s, &Call{API: V3, Method: http.MethodGet, Path: "services"}, from(v3Grant()))
			if seen != test.want {
				t.Errorf("Mashery saw %q, want %q", seen, test.want)
			}
		})
	}
}

func TestAV2AddressCarriesOurQueryAndNothingElse(t *testing.T) {
	var seen *http.Request
	var body string
	mashery := func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		seen, body = r, string(raw)
	}
	protocols(t, mashery, func(t *testing.T, s *Sender) {
		grant := v2Grant()
		grant.Signature = NewSecret("sig&apikey=/?#")
		call := post(`{"method":"test.echo"}`)
		call.API, call.Path, call.RawQuery, call.ForceQuery = V2, "../../elsewhere", "apikey=mine&x=1", true
		call.Header = http.Header{"Authorization": {"Bearer mine"}}
		send(t, s, call, from(grant))
		if want := "/v2/json-rpc/4711?apikey=the-key&sig=sig%26apikey%3D%2F%3F%23"; seen.RequestURI != want {
			t.Errorf("Mashery saw %q, want %q", seen.RequestURI, want)
		}
		if body != `{"method":"test.echo"}` || seen.Header.Get("Authorization") != "" {
			t.Errorf("Mashery saw body %q and header %v", body, seen.Header)
		}
	})
}

func TestVerbsHostAndLengthAreSentAsTheyAre(t *testing.T) {
	type seenRequest struct {
		method, host, body string
		length             int64
	}
	var seen seenRequest
	mashery := func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = seenRequest{r.Method, r.Host, string(body), r.ContentLength}
	}
	protocols(t, mashery, func(t *testing.T, s *Sender) {
		for _, test := range []struct {
			name   string
			method string
			body   io.Reader
			length int64
			want   seenRequest
		}{
			{"GET without a body", "GET", nil, 0, seenRequest{method: "GET"}},
			{"HEAD", "HEAD", nil, 0, seenRequest{method: "HEAD"}},
			{"DELETE without a body", "DELETE", nil, 0, seenRequest{method: "DELETE"}},
			{"POST without a body", "POST", nil, 0, seenRequest{method: "POST"}},
			{"POST with a body of no length", "POST", strings.NewReader(""), 0, seenRequest{method: "POST"}},
			{"POST of a known length", "POST", strings.NewReader("abc"), 3, seenRequest{"POST", "", "abc", 3}},
			{"PUT of an unknown length", "PUT", strings.NewReader("abc"), -1, seenRequest{"PUT", "", "abc", -1}},
			{"DELETE with a body", "DELETE", strings.NewReader("abc"), 3, seenRequest{"DELETE", "", "abc", 3}},
		} {
			t.Run(test.name, func(t *testing.T) {
				call := &Call{API: V3, Method: test.method, Body: test.body, ContentLength: test.length, Header: http.Header{
					"Host": {"evil.example"}, "Content-Length": {"99"},
				}}
				send(t, s, call, from(v3Grant()))
				test.want.host = s.V3.Host
				if seen != test.want {
					t.Errorf("Mashery saw %+v, want %+v", seen, test.want)
				}
			})
		}
	})
}

func TestBytesPassUnchanged(t *testing.T) {
	var seen []byte
	compressed := noise(5000) // says it is gzip and is not: nobody may look
	mashery := func(w http.ResponseWriter, r *http.Request) {
		seen, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(compressed)
	}
	protocols(t, mashery, func(t *testing.T, s *Sender) {
		call := post(string(compressed))
		call.Header = http.Header{"Content-Encoding": {"gzip"}}
		got, body := send(t, s, call, from(v3Grant()))
		if string(seen) != string(compressed) || body != string(compressed) || got.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%d bytes arrived of %d, %d came back, coded %q", len(seen), len(compressed), len(body), got.Header.Get("Content-Encoding"))
		}
	})
}

func TestRedirectsAreAnswersAndNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		calls := 0
		protocols(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			w.Header().Set("Location", "/v3/rest/elsewhere")
			w.WriteHeader(status)
		}, func(t *testing.T, s *Sender) {
			calls = 0
			got, _ := send(t, s, post("x"), from(v3Grant()))
			if got.StatusCode != status || calls != 1 || got.Header.Get("Location") != "/v3/rest/elsewhere" {
				t.Errorf("got %d with Location %q after %d calls", got.StatusCode, got.Header.Get("Location"), calls)
			}
		})
	}
}
