// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

func TestAnswersOfTheGateway(t *testing.T) {
	authorization := func(value string) func(*area) answer {
		return func(a *area) answer {
			req := a.request("GET", "/v3/rest/services", "")
			req.Header.Set("Authorization", value)
			return a.do(req)
		}
	}
	signedAt := func(off time.Duration) func(*area) answer {
		return func(a *area) answer { return a.do(a.request("POST", a.sign(a.clock.now().Add(off)), "{}")) }
	}
	const hello = `{"method":"test.hello","id":1}`
	unauthorized := func(status int) want {
		return want{status, "<h1>Not Authorized</h1>", "ERR_403_NOT_AUTHORIZED", "Not Authorized"}
	}
	inactive := want{403, "<h1>Developer Inactive</h1>", "ERR_403_DEVELOPER_INACTIVE", "Account Inactive"}
	tests := map[string]struct {
		opts emulator.Options
		call func(*area) answer
		want want
	}{
		"no token": {
			call: func(a *area) answer { return a.do(a.request("GET", "/v3/rest/services", "")) },
			want: unauthorized(401),
		},
		"a token that never was": {call: authorization("Bearer aaaaaaaaaaaaaaaaaaaaaaaa"), want: inactive},
		"the word bearer in lower case": {
			call: func(a *area) answer { return authorization("bearer " + a.token)(a) },
			want: unauthorized(401),
		},
		"a token over its time": {
			call: func(a *area) answer { a.clock.move(time.Hour); return a.rest("GET", "/services", "") },
			want: inactive,
		},
		"a token of an own, shorter life": {
			opts: emulator.Options{TokenLife: time.Minute},
			call: func(a *area) answer { a.clock.move(time.Minute); return a.rest("GET", "/services", "") },
			want: inactive,
		},
		"a killed token": {
			call: func(a *area) answer { a.KillTokens(); return a.rest("GET", "/services", "") },
			want: inactive,
		},
		"a killed token where dead ones get 401": {
			opts: emulator.Options{DeadTokenStatus: 401},
			call: func(a *area) answer { a.KillTokens(); return a.rest("GET", "/services", "") },
			want: unauthorized(401),
		},
		"a signature five minutes and a second late":  {call: signedAt(-301 * time.Second), want: unauthorized(403)},
		"a signature five minutes and a second early": {call: signedAt(301 * time.Second), want: unauthorized(403)},
		"a signature in upper case": {
			call: func(a *area) answer {
				before, sig, _ := strings.Cut(a.sign(a.clock.now()), "sig=")
				return a.do(a.request("POST", before+"sig="+strings.ToUpper(sig), hello))
			},
			want: unauthorized(403),
		},
		"no signature": {
			call: func(a *area) answer {
				return a.do(a.request("POST", "/v2/json-rpc/712?apikey=2fvmer3qbk7f3jnqneg58bu2", hello))
			},
			want: unauthorized(403),
		},
		"an unknown key": {
			call: func(a *area) answer {
				return a.do(a.request("POST", strings.Replace(a.sign(a.clock.now()), "2fvmer", "3fvmer", 1), hello))
			},
			want: unauthorized(403),
		},
		"a signature that is told to be refused": {
			call: func(a *area) answer { a.RefuseSignatures(1); return a.rpc(hello) },
			want: unauthorized(403),
		},
		"another area": {
			call: func(a *area) answer {
				return a.do(a.request("POST", strings.Replace(a.sign(a.clock.now()), "/712", "/713", 1), hello))
			},
			want: want{404, "<h1>Not Found</h1>", "", ""},
		},
		"a path of nobody": {
			call: func(a *area) answer { return a.do(a.request("GET", "/v1/anything", "")) },
			want: want{596, "<h1>596 Service Not Found</h1>", "ERR_596_SERVICE_NOT_FOUND", "Service Not Found"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := start(t, test.opts)
			test.call(a).expect(t, test.want.status, test.want.body).
				expectHeader(t, "Content-Type", "text/xml").
				expectHeader(t, "Server", "Mashery Proxy").
				expectHeader(t, "X-Mashery-Error-Code", test.want.code).
				expectHeader(t, "X-Error-Detail-Header", test.want.detail)
		})
	}
}

type want struct {
	status             int
	body, code, detail string
}

func TestA401NamesTheRealm(t *testing.T) {
	a := start(t, emulator.Options{DeadTokenStatus: 401})
	realm := `Bearer realm="` + strings.TrimPrefix(a.url, "http://") + `"`
	a.do(a.request("GET", "/v3/rest/services", "")).expectHeader(t, "WWW-Authenticate", realm)
	a.KillTokens()
	a.rest("GET", "/services", "").expectHeader(t, "WWW-Authenticate", realm+`, error="invalid_token"`)
}

func TestGoodCallsPassTheGateway(t *testing.T) {
	a := start(t, emulator.Options{})
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	got := a.rest("GET", "/services?limit=1", "").expect(t, 200, "").
		expectHeader(t, "Server", "Mashery API Server v1.1.0").
		expectHeader(t, "Date", "Sun, 01 Mar 2026 12:00:00 GMT").
		expectHeader(t, "X-Packagekey-Qps-Allotted", "") // there is no limit
	if id := got.header.Get("X-Mashery-Message-ID"); !uuid.MatchString(id) {
		t.Errorf("message id %q", id)
	}
	for _, off := range []time.Duration{-300 * time.Second, 0, 300 * time.Second} {
		path := a.sign(a.clock.now().Add(off))
		for range 2 { // a signature may be used again
			a.do(a.request("POST", path, `{"method":"test.hello","id":1}`)).expect(t, 200, `{"error":null,"id":1,"result":"Hello!"}`)
		}
	}
}

// The key, secret and time are those of Mashery's documentation; the digest is
// md5sum's.
func TestASignatureThatOtherToolsMade(t *testing.T) {
	a := start(t, emulator.Options{})
	a.clock.move(time.Unix(1200603038, 0).Sub(a.clock.now()))
	a.do(a.request("POST", "/v2/json-rpc/712?apikey=2fvmer3qbk7f3jnqneg58bu2&sig="+"65a08176826fa4621116997e1dd775fa", `{"method":"test.hello","id":1}`)).
		expect(t, 200, "")
}

func TestAnUsedSignatureGetsOld(t *testing.T) {
	a := start(t, emulator.Options{})
	path := a.sign(a.clock.now())
	a.do(a.request("POST", path, `{"method":"test.hello"}`)).expect(t, 200, "")
	a.clock.move(301 * time.Second)
	a.do(a.request("POST", path, `{"method":"test.hello"}`)).expect(t, 403, "")
}

// serve makes a call without a socket, so that synctest's clock can be used.
func serve(e *emulator.Emulator, req *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.ServeHTTP(w, req)
	return w
}

func hello(c mashery.Credentials) *http.Request {
	return httptest.NewRequest("POST", "/v2/json-rpc/712?apikey="+c.APIKey.Reveal()+"&sig="+
		mashery.SignV2(c.APIKey, c.Secret, time.Now()).Reveal(), strings.NewReader(`{"method":"test.hello","id":1}`))
}

func TestQPSIsCountedInCalendarSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := emulator.New(emulator.Options{Credentials: credentials()}) // 2 calls a second
		statuses := func(n int) (codes []int) {
			for range n {
				codes = append(codes, serve(e, hello(credentials())).Code)
			}
			return codes
		}
		expect := func(got []int, want ...int) {
			t.Helper()
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("at %v: got %v, want %v", time.Now(), got, want)
					return
				}
			}
		}
		time.Sleep(999 * time.Millisecond) // synctest's clock begins with a full second
		expect(statuses(3), 200, 200, 403)
		time.Sleep(time.Millisecond)
		expect(statuses(3), 200, 200, 403)
		time.Sleep(999 * time.Millisecond)
		expect(statuses(1), 403)
		time.Sleep(time.Millisecond)
		expect(statuses(1), 200)

		counts := e.Counts().Keys[0]
		if counts.Counted != 5 || counts.Refused != 3 || len(counts.Seconds) != 3 || counts.Busiest().Counted != 2 {
			t.Errorf("counts: %+v", counts)
		}
	})
}

func TestTheQPSCanBeThatOfAnySecond(t *testing.T) {
	a := start(t, emulator.Options{QPS: 2, RollingQPS: true})
	a.clock.move(900 * time.Millisecond)
	for _, step := range []struct {
		after   time.Duration
		status  int
		current string
	}{
		{0, 200, "1"},
		{0, 200, "2"},
		{0, 403, "2"},
		{200 * time.Millisecond, 403, "2"}, // another calendar second, but not another second
		{800 * time.Millisecond, 200, "1"},
		{999 * time.Millisecond, 200, "2"},
	} {
		a.clock.move(step.after)
		a.rpc(`{"method":"test.hello","id":1}`).expect(t, step.status, "").
			expectHeader(t, "X-Packagekey-Qps-Current", step.current)
	}
	if key := a.Counts().Keys[0]; key.Sliding != 2 || key.Arrived != 4 {
		t.Errorf("counts: %+v", key)
	}
}

func TestTheTokenEndpointCanHaveAQPSOfItsOwn(t *testing.T) {
	a := start(t, emulator.Options{TokenQPS: 1}) // and it got a token
	a.requestToken(passwordForm()).expect(t, 403, "<h1>Developer Over Qps</h1>").
		expectHeader(t, "X-Mashery-Error-Code", "ERR_403_DEVELOPER_OVER_QPS").
		expectHeader(t, "Retry-After", "1").
		expectHeader(t, "X-Packagekey-Qps-Allotted", "")
	a.clock.move(time.Second)
	a.requestToken(passwordForm()).expect(t, 200, "")
	if n := a.Counts(); n.Password != 2 || n.TokensRefused != 1 || n.Refused[emulator.CauseOverQPS] != 1 || n.Keys[0].Counted != 0 {
		t.Errorf("counts: %+v", n)
	}
}

func TestACallOverTheQPS(t *testing.T) {
	a := start(t, emulator.Options{QPS: 2})
	a.rest("GET", "/services?limit=1", "").expect(t, 200, "").
		expectHeader(t, "X-Packagekey-Qps-Allotted", "2").
		expectHeader(t, "X-Packagekey-Qps-Current", "1")
	a.rpc(`{"method":"test.hello","id":1}`).expect(t, 200, ""). // V2 and V3 share the key's limit
									expectHeader(t, "X-Packagekey-Qps-Current", "2")
	for range 2 { // and refused calls use nothing up
		a.rest("GET", "/services", "").expect(t, 403, "<h1>Developer Over Qps</h1>").
			expectHeader(t, "Content-Type", "text/xml").
			expectHeader(t, "Retry-After", "1").
			expectHeader(t, "X-Mashery-Error-Code", "ERR_403_DEVELOPER_OVER_QPS").
			expectHeader(t, "X-Error-Detail-Header", "Account Over Queries Per Second Limit").
			expectHeader(t, "X-Packagekey-Qps-Current", "2")
	}
	a.login() // token requests do not count
	a.SetQPS(3)
	a.rest("GET", "/services", "").expect(t, 200, "")
	a.rest("GET", "/services", "").expect(t, 403, "")
	a.SetQPS(-1)
	a.rest("GET", "/services", "").expect(t, 200, "")
}

func TestEveryKeyHasItsOwnQPS(t *testing.T) {
	a := start(t, emulator.Options{QPS: 1})
	other := credentials()
	other.APIKey, other.Secret = mashery.NewSecret("anotherkeyanotherkey2222"), mashery.NewSecret("another")
	a.AddKey(other, 1)
	a.rpc(`{"method":"test.hello"}`).expect(t, 200, "")
	a.rpc(`{"method":"test.hello"}`).expect(t, 403, "")
	sig := mashery.SignV2(other.APIKey, other.Secret, a.clock.now()).Reveal()
	a.do(a.request("POST", "/v2/json-rpc/712?apikey="+other.APIKey.Reveal()+"&sig="+sig, `{"method":"test.hello"}`)).expect(t, 200, "")
	if keys := a.Counts().Keys; len(keys) != 2 || keys[0].Refused != 1 || keys[1].Counted != 1 || keys[1].Refused != 0 {
		t.Errorf("counts: %+v", keys)
	}
}

func TestADayHasAQuota(t *testing.T) {
	a := start(t, emulator.Options{DailyQuota: 2})
	a.rest("GET", "/services", "").expect(t, 200, "").
		expectHeader(t, "X-Packagekey-Quota-Allotted", "2").
		expectHeader(t, "X-Packagekey-Quota-Current", "1").
		expectHeader(t, "X-Plan-Quota-Reset", "Monday, March 2, 2026 12:00:00 AM GMT")
	a.rest("GET", "/services", "").expect(t, 200, "")
	a.rest("GET", "/services", "").expect(t, 403, "<h1>Developer Over Rate</h1>").
		expectHeader(t, "X-Mashery-Error-Code", "ERR_403_DEVELOPER_OVER_RATE").
		expectHeader(t, "X-Error-Detail-Header", "Account Over Rate Limit").
		expectHeader(t, "Retry-After", "43201")
	a.clock.move(12 * time.Hour)
	a.login()
	a.rest("GET", "/services", "").expect(t, 200, "")
}
