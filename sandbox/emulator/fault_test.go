// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"mashproxy/sandbox/emulator"
)

// befall adds faults as their texts have them.
func (a *area) befall(texts ...string) {
	a.t.Helper()
	for _, text := range texts {
		fault, err := emulator.ParseFault(text)
		if err == nil {
			_, err = a.AddFault(fault)
		}
		if err != nil {
			a.t.Fatal(err)
		}
	}
}

func (a *area) refresh() answer {
	a.t.Helper()
	bought := a.requestToken(passwordForm()).object(a.t)["refresh_token"].(string)
	return a.requestToken(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {bought}})
}

const helloCall = `{"method":"test.hello","id":1}`

func TestFaultsThatRefuse(t *testing.T) {
	services := func(a *area) answer { return a.rest("GET", "/services?limit=1", "") }
	v2 := func(a *area) answer { return a.rpc(helloCall) }
	login := func(a *area) answer { return a.requestToken(passwordForm()) }
	for name, test := range map[string]struct {
		fault      string
		call       func(*area) answer
		status     int
		body, code string
		retryAfter string
		cause      emulator.Cause
	}{
		"a dead token": {
			fault: "dead_token", call: services, status: 403, body: "<h1>Developer Inactive</h1>",
			code: "ERR_403_DEVELOPER_INACTIVE", cause: emulator.CauseToken,
		},
		"a dead token in the other documented way": {
			fault: "dead_token,status=401", call: services, status: 401, body: "<h1>Not Authorized</h1>",
			code: "ERR_403_NOT_AUTHORIZED", cause: emulator.CauseToken,
		},
		"a bad signature": {
			fault: "bad_signature", call: v2, status: 403, body: "<h1>Not Authorized</h1>",
			code: "ERR_403_NOT_AUTHORIZED", cause: emulator.CauseSignature,
		},
		"over the QPS": {
			fault: "over_qps", call: services, status: 403, body: "<h1>Developer Over Qps</h1>",
			code: "ERR_403_DEVELOPER_OVER_QPS", retryAfter: "1", cause: emulator.CauseOverQPS,
		},
		"over the QPS, and nobody says for how long": {
			fault: "over_qps,retry_after=none", call: v2, status: 403, body: "<h1>Developer Over Qps</h1>",
			code: "ERR_403_DEVELOPER_OVER_QPS", cause: emulator.CauseOverQPS,
		},
		"over the QPS for a time that is said": {
			fault: "over_qps,retry_after=7", call: v2, status: 403, body: "<h1>Developer Over Qps</h1>",
			code: "ERR_403_DEVELOPER_OVER_QPS", retryAfter: "7", cause: emulator.CauseOverQPS,
		},
		"over the QPS at the token endpoint": {
			fault: "over_qps,api=token", call: login, status: 403, body: "<h1>Developer Over Qps</h1>",
			code: "ERR_403_DEVELOPER_OVER_QPS", retryAfter: "1", cause: emulator.CauseOverQPS,
		},
		"over the quota": {
			fault: "over_quota", call: services, status: 403, body: "<h1>Developer Over Rate</h1>",
			code: "ERR_403_DEVELOPER_OVER_RATE", retryAfter: "43201", cause: emulator.CauseOverQuota,
		},
		"over the quota, and nobody says for how long": {
			fault: "over_quota,retry_after=none", call: services, status: 403, body: "<h1>Developer Over Rate</h1>",
			code: "ERR_403_DEVELOPER_OVER_RATE", cause: emulator.CauseOverQuota,
		},
		"an error": {
			fault: "error", call: services, status: 503, body: "<h1>Service Unavailable</h1>",
			code: "ERR_503_SERVICE_UNAVAILABLE", cause: emulator.CauseFault,
		},
		"a gateway time-out": {
			fault: "error,status=504", call: v2, status: 504, body: "<h1>Gateway Timeout</h1>",
			code: "ERR_504_GATEWAY_TIMEOUT", cause: emulator.CauseFault,
		},
		"an error by its id": {
			fault: "error,code=ERR_403_SERVICE_OVER_QPS", call: services, status: 403, body: "<h1>Service Over Qps</h1>",
			code: "ERR_403_SERVICE_OVER_QPS", cause: emulator.CauseFault,
		},
		"an error to which a customer gave another status": {
			fault: "error,code=ERR_403_DEVELOPER_OVER_QPS,status=429,retry_after=2", call: v2, status: 429, body: "<h1>Developer Over Qps</h1>",
			code: "ERR_403_DEVELOPER_OVER_QPS", retryAfter: "2", cause: emulator.CauseFault,
		},
		"too long a path": {
			fault: "error,status=414", call: services, status: 414, body: "<h1>Request Uri Too Long</h1>",
			code: "ERR_414_REQUEST_URI_TOO_LONG", cause: emulator.CauseFault,
		},
		"an error of the token endpoint": {
			fault: "error,status=502,api=token", call: login, status: 502, body: "<h1>Bad Gateway</h1>",
			code: "ERR_502_BAD_GATEWAY", cause: emulator.CauseFault,
		},
		"an error of the API": {
			fault: "error,status=500,json=true,retry_after=3", call: services, status: 500, retryAfter: "3",
			body: `{"errorCode":"500","errorMessage":"Internal Server Error"}`, cause: emulator.CauseFault,
		},
		"no such service": {
			fault: "error,status=596", call: services, status: 596, body: "<h1>596 Service Not Found</h1>",
			code: "ERR_596_SERVICE_NOT_FOUND", cause: emulator.CauseFault,
		},
		"a refresh token that is dead": {
			fault: "dead_refresh", call: (*area).refresh, status: 400,
			body: `{"error":"invalid_grant","error_description":"Expired refresh token"}`, code: "ERR_400_BAD_REQUEST",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t, emulator.Options{})
			a.befall(test.fault)
			test.call(a).expect(t, test.status, test.body).
				expectHeader(t, "X-Mashery-Error-Code", test.code).
				expectHeader(t, "Retry-After", test.retryAfter)
			if n := a.Counts(); test.cause != "" && n.Refused[test.cause] != 1 {
				t.Errorf("counts: %+v", n)
			}
			a.ClearFaults()
			a.login()
			services(a).expect(t, 200, "")
			v2(a).expect(t, 200, "")
		})
	}
}

func TestAskingV2ForTheTimeUsesUpNoRefusal(t *testing.T) {
	a := start(t, emulator.Options{})
	a.RefuseSignatures(1)
	a.do(a.request("HEAD", "/v2/json-rpc", ""))
	if got := a.rpc(helloCall); got.status != 403 {
		t.Errorf("the call after it got %d: %s", got.status, got.body)
	}
}

func TestTheQPSIsWhatAFaultSays(t *testing.T) {
	a := start(t, emulator.Options{QPS: 5})
	a.befall("qps,calls=1", "qps,calls=1,api=token")
	a.rpc(helloCall).expect(t, 200, "").expectHeader(t, "X-Packagekey-Qps-Allotted", "1")
	a.rest("GET", "/services?limit=1", "").expect(t, 403, "<h1>Developer Over Qps</h1>")
	a.requestToken(passwordForm()).expect(t, 403, "<h1>Developer Over Qps</h1>") // there was one in this second
	a.clock.move(time.Second)
	a.requestToken(passwordForm()).expect(t, 200, "")
	a.ClearFaults()
	a.rest("GET", "/services?limit=1", "").expect(t, 200, "").expectHeader(t, "X-Packagekey-Qps-Allotted", "5")
	a.requestToken(passwordForm()).expect(t, 200, "")
}

func TestAccessTokensLiveAsLongAsTheyAreToldTo(t *testing.T) {
	a := start(t, emulator.Options{})
	a.befall("token_life,by=90s,count=1")
	if life := a.requestToken(passwordForm()).object(t)["expires_in"]; life != float64(90) {
		t.Errorf("expires_in is %v, want 90", life)
	}
	a.befall("token_life,by=90s,count=1")
	a.login()
	a.clock.move(89 * time.Second)
	a.rest("GET", "/services?limit=1", "").expect(t, 200, "")
	a.clock.move(time.Second)
	a.rest("GET", "/services?limit=1", "").expect(t, 403, "<h1>Developer Inactive</h1>")
	a.login()
	a.clock.move(3599 * time.Second)
	a.rest("GET", "/services?limit=1", "").expect(t, 200, "")
}

func TestDeadTokensAreRefusedBy401OnDemand(t *testing.T) {
	a := start(t, emulator.Options{})
	a.befall("dead_as_401")
	a.rest("GET", "/services", "").expect(t, 200, "")
	a.KillTokens()
	a.rest("GET", "/services", "").expect(t, 401, "<h1>Not Authorized</h1>").
		expectHeader(t, "Www-Authenticate", fmt.Sprintf(`Bearer realm=%q, error="invalid_token"`, strings.TrimPrefix(a.url, "http://")))
	a.ClearFaults()
	a.rest("GET", "/services", "").expect(t, 403, "<h1>Developer Inactive</h1>")
}

func TestADeadTokenStaysDeadAndANewOneLives(t *testing.T) {
	a := start(t, emulator.Options{})
	a.befall("dead_token,count=1")
	a.rest("GET", "/services", "").expect(t, 403, "")
	a.rest("GET", "/services", "").expect(t, 403, "")
	a.login()
	a.rest("GET", "/services", "").expect(t, 200, "")
}

func TestCallsThatAFaultRefusesForTheQPSAreCountedForTheirKey(t *testing.T) {
	a := start(t, emulator.Options{QPS: 5})
	a.befall("over_qps,count=2")
	for _, status := range []int{403, 403, 200} {
		a.rpc(helloCall).expect(t, status, "").expectHeader(t, "X-Packagekey-Qps-Allotted", "5")
	}
	if key := a.Counts().Keys[0]; key.Counted != 1 || key.Refused != 2 || key.Arrived != 3 {
		t.Errorf("counts: %+v", key)
	}
}

func TestFaultsAreLimited(t *testing.T) {
	a := start(t, emulator.Options{})
	statuses := func() (got [4]int) {
		return [4]int{
			a.rest("GET", "/services?limit=1", "").status, a.rest("GET", "/members?limit=1", "").status,
			a.rpc(helloCall).status, a.requestToken(passwordForm()).status,
		}
	}
	for name, test := range map[string]struct {
		fault         string
		before, after [4]int // services, members, V2, token; before and after ten seconds
	}{
		"not at all":      {"error", [4]int{503, 503, 503, 503}, [4]int{503, 503, 503, 503}},
		"to a number":     {"error,count=3", [4]int{503, 503, 503, 200}, [4]int{200, 200, 200, 200}},
		"to a time":       {"error,for=10s", [4]int{503, 503, 503, 503}, [4]int{200, 200, 200, 200}},
		"to V3":           {"error,api=v3", [4]int{503, 503, 200, 200}, [4]int{503, 503, 200, 200}},
		"to V2":           {"error,api=v2", [4]int{200, 200, 503, 200}, [4]int{200, 200, 503, 200}},
		"by their kind":   {"over_qps", [4]int{403, 403, 403, 200}, [4]int{403, 403, 403, 200}},
		"to the tokens":   {"error,api=token", [4]int{200, 200, 200, 503}, [4]int{200, 200, 200, 503}},
		"to a path":       {"error,path=/v3/rest/m", [4]int{200, 503, 200, 200}, [4]int{200, 503, 200, 200}},
		"to all of these": {"error,count=2,for=10s,api=v3,path=/v3/rest/s", [4]int{503, 200, 200, 200}, [4]int{200, 200, 200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			a.befall(test.fault)
			if got := statuses(); got != test.before {
				t.Errorf("at once: %v, want %v", got, test.before)
			}
			a.clock.move(10 * time.Second)
			if got := statuses(); got != test.after {
				t.Errorf("later: %v, want %v", got, test.after)
			}
			a.ClearFaults()
		})
	}
}

func TestFaultsAreListedUntilTheyAreOver(t *testing.T) {
	a := start(t, emulator.Options{})
	a.befall("error,count=2,api=v2", "over_qps,for=1m", "garbage")
	a.rpc(helloCall)
	list := a.Faults()
	if len(list) != 3 || list[0].Calls != 1 || !list[1].Ends.Equal(a.clock.now().Add(time.Minute)) || list[2].Fault.Kind != emulator.FaultGarbage {
		t.Errorf("at first: %+v", list)
	}
	a.rpc(helloCall)
	a.clock.move(time.Minute)
	if list = a.Faults(); len(list) != 1 || list[0].Fault.Kind != emulator.FaultGarbage || list[0].Calls != 2 {
		t.Errorf("at last: %+v", list)
	}
	if a.ClearFault(999) || !a.ClearFault(list[0].ID) || a.ClearFault(list[0].ID) || len(a.Faults()) != 0 {
		t.Error("faults are not cleared by their ids")
	}
	if n := a.Counts().Faults; n[emulator.FaultError] != 2 || n[emulator.FaultGarbage] != 2 || n[emulator.FaultOverQPS] != 2 {
		t.Errorf("counts: %v", n)
	}
}

func TestMasherysClockIsOff(t *testing.T) {
	for _, off := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			a := start(t, emulator.Options{})
			a.befall("clock,by=" + off.String())
			there := a.clock.now().Add(off)
			a.login()
			a.rest("GET", "/services?limit=1", "").expect(t, 200, "").
				expectHeader(t, "Date", there.Format(http.TimeFormat))
			a.rpc(helloCall).expect(t, 403, "")
			a.do(a.request("POST", a.sign(there), helloCall)).expect(t, 200, "")
			a.clock.move(time.Hour - time.Second)
			a.rest("GET", "/services?limit=1", "").expect(t, 200, "")
			a.ClearFaults()
			status := 200 // a clock that is put forward again makes tokens die early
			if off < 0 {
				status = 403
			}
			a.rest("GET", "/services?limit=1", "").expect(t, status, "")
		})
	}
}

func TestANewTokenCanKillTheOlderOnes(t *testing.T) {
	a := start(t, emulator.Options{})
	a.befall("kill_older")
	old := a.token
	a.login()
	a.rest("GET", "/services?limit=1", "").expect(t, 200, "")
	a.token = old
	a.rest("GET", "/services?limit=1", "").expect(t, 403, "")
}

func TestTheQPSCanRollForAWhile(t *testing.T) {
	a := start(t, emulator.Options{QPS: 1})
	a.befall("rolling_qps")
	a.clock.move(900 * time.Millisecond)
	a.rpc(helloCall).expect(t, 200, "")
	a.clock.move(200 * time.Millisecond)
	a.rpc(helloCall).expect(t, 403, "")
	a.ClearFaults()
	a.rpc(helloCall).expect(t, 200, "")
}

func TestFaultsAsText(t *testing.T) {
	for text, want := range map[string]emulator.Fault{
		"garbage":                         {Kind: emulator.FaultGarbage},
		" over_qps,for=10s,retry_after=2": {Kind: emulator.FaultOverQPS, For: 10 * time.Second, RetryAfter: "2"},
		"clock,by=-10m":                   {Kind: emulator.FaultClock, By: -10 * time.Minute},
		"error,count=3,api=v3,path=/v3/rest/services,status=504,json=true": {
			Kind: emulator.FaultError, Count: 3, API: emulator.FaultV3, Path: "/v3/rest/services", Status: 504, JSON: true,
		},
		"cut_body,at=7,reset=true":     {Kind: emulator.FaultCutBody, At: 7, Reset: true},
		"stall_body,at=0":              {Kind: emulator.FaultStallBody, At: emulator.FaultAtStart},
		"no_header,name=X-Total-Count": {Kind: emulator.FaultNoHeader, Name: "X-Total-Count"},
	} {
		got, err := emulator.ParseFault(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again, err := emulator.ParseFault(got.String()); err != nil || again != want {
			t.Errorf("%s: %+v, %v", got, again, err)
		}
	}
}

func FuzzParseFault(f *testing.F) {
	for _, seed := range []string{
		"garbage", " over_qps , for=10s,retry_after=none", "clock,by=-10m,api=v2", "error,path=/v3/rest ,count=1", "cut_body,reset=1,at=0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := emulator.ParseFault(text)
		if err != nil {
			return
		}
		if again, err := emulator.ParseFault(fault.String()); err != nil || again != fault {
			t.Errorf("%q: %+v, and then %+v (%v)", text, fault, again, err)
		}
	})
}

func TestFaultsThatCannotBeMeant(t *testing.T) {
	for text, want := range map[string]string{
		"":                         `there is no fault ""; there are dead_token, `,
		"over-qps":                 `there is no fault "over-qps"; there are dead_token, `,
		"error,count=three":        "the fault error: count=three: not a whole number",
		"error,count=0":            "the fault error: count=0: a number above zero, or nothing at all",
		"qps,calls=0":              "the fault qps: calls=0: a number above zero, or nothing at all",
		"cut_body,at=half":         "the fault cut_body: at=half: not a whole number",
		"error,for=10":             "the fault error: for=10: not a duration such as 500ms, 10s or 5m",
		"error,json=maybe":         "the fault error: json=maybe: neither true nor false",
		"error,colour=red":         `the fault error: there is no parameter "colour"`,
		"error,by=1s":              "the fault error takes no by; it takes count, for, api, path, status, code, json, retry_after",
		"error,code=ERR_418":       "code=ERR_418: Mashery has no such error; it has ERR_400_BAD_REQUEST, ",
		"error,status=200":         "status=200: an error has a status from 400 to 599",
		"dead_token,status=404":    "status=404: a dead token is refused by 401 or 403",
		"error,path=services":      "path=services: a path begins with a slash, such as /v3/rest/services",
		"error,api=v4":             "the fault error cannot befall api=v4, only v2, v3, token",
		"kill_older,api=v3":        "the fault kill_older cannot befall api=v3, only token",
		"delay":                    "the fault delay needs by",
		"no_header":                "the fault no_header needs name",
		"error,count=-1":           "the fault error,count=-1: a number below zero",
		"delay,by=-1s":             "the fault delay,by=-1s: a number below zero",
		"stall_body,at=-1":         "the fault stall_body,at=-1: a number below zero",
		"delay,by=1s,jitter=-10ms": "the fault delay,by=1s,jitter=-10ms: a number below zero",
	} {
		_, err := emulator.ParseFault(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
	e := emulator.New(emulator.Options{Credentials: credentials()})
	if _, err := e.AddFault(emulator.Fault{Kind: "nonsense"}); err == nil || len(e.Faults()) != 0 {
		t.Errorf("a fault that is none was added (%v)", err)
	}
}

func TestEveryKindOfFaultIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range emulator.FaultKinds() {
		if !strings.Contains(string(page), "\n| `"+string(kind)+"` |") {
			t.Errorf("docs/sandbox.md has no row for %s", kind)
		}
	}
}
