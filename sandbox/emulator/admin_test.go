// SPDX-License-Identifier: MPL-2.0

package emulator_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mashproxy/mashery"
	"mashproxy/sandbox/emulator"
)

// administer makes a call to the admin path of a.
func (a *area) administer(method, path, body string) answer {
	w := httptest.NewRecorder()
	a.Admin().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return answer{w.Code, w.Header(), strings.TrimSuffix(w.Body.String(), "\n")}
}

func TestFaultsAreSetAndClearedFromOutside(t *testing.T) {
	a := start(t, emulator.Options{})
	a.administer("POST", "/faults", "over_qps,for=10s\n\nerror,api=v3,status=504\n").
		expect(t, 200, `[{"id":1,"fault":"over_qps,for=10s","calls":0,"seconds_left":10},{"id":2,"fault":"error,api=v3,status=504","calls":0}]`).
		expectHeader(t, "Content-Type", "application/json")
	a.rpc(helloCall).expect(t, 403, "")
	a.rest("GET", "/services", "").expect(t, 504, "")
	a.clock.move(2500 * time.Millisecond)
	a.administer("DELETE", "/faults/2", "").
		expect(t, 200, `[{"id":1,"fault":"over_qps,for=10s","calls":2,"seconds_left":7.5}]`)
	a.administer("POST", "/faults", "garbage").expect(t, 200, `[{"id":3,"fault":"garbage","calls":0}]`)
	a.administer("GET", "/faults", "").
		expect(t, 200, `[{"id":1,"fault":"over_qps,for=10s","calls":2,"seconds_left":7.5},{"id":3,"fault":"garbage","calls":0}]`)
	a.administer("DELETE", "/faults", "").expect(t, 200, `[]`)
	a.rest("GET", "/services", "").expect(t, 200, "")
	a.administer("DELETE", "/tokens", "").expect(t, 200, `[]`)
	a.rest("GET", "/services", "").expect(t, 403, "<h1>Developer Inactive</h1>")
}

func TestAFurtherKeyHasItsOwnTokensSignaturesAndLimit(t *testing.T) {
	a := start(t, emulator.Options{QPS: 1})
	a.administer("POST", "/keys", `{"api_key":"another","secret":"one","qps":2}`).expect(t, 200, `{"keys":2}`)
	key, secret := mashery.NewSecret("another"), mashery.NewSecret("one")
	sign := func() string {
		return "/v2/json-rpc/712?apikey=another&sig=" + mashery.SignV2(key, secret, a.clock.now()).Reveal()
	}
	for _, want := range []int{200, 200, 403} {
		a.do(a.request("POST", sign(), helloCall)).expect(t, want, "")
	}
	a.rpc(helloCall).expect(t, 200, "") // the first key has its second to itself

	req := a.request("POST", "/v3/token", passwordForm().Encode())
	req.SetBasicAuth("another", "one")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if mapi := a.do(req).expect(t, 200, "").object(t)["mapi"]; mapi != "another" {
		t.Errorf("the token is of %v", mapi)
	}
	if keys := a.Counts().Keys; len(keys) != 2 || keys[1].Counted != 2 || keys[1].Refused != 1 {
		t.Errorf("counts: %+v", keys)
	}
}

func TestWhatTheAdminPathRefuses(t *testing.T) {
	a := start(t, emulator.Options{})
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		error              string
	}{
		"a fault that is none":             {"POST", "/faults", "garbage\nnonsense", 400, `there is no fault "nonsense"; there are dead_token`},
		"no fault at all":                  {"POST", "/faults", "\n", 400, "send a fault in each line of the body, such as over_qps,for=10s; there are dead_token"},
		"more than anybody means":          {"POST", "/faults", strings.Repeat("garbage\n", 10000), 400, "http: request body too large"},
		"a fault that is over":             {"DELETE", "/faults/7", "", 404, "there is no fault 7"},
		"an id that is none":               {"DELETE", "/faults/x", "", 404, "there is no fault x"},
		"a verb that nobody knows there":   {"PUT", "/faults", "garbage", 405, ""},
		"a path that nobody knows":         {"GET", "/v3/rest/services", "", 404, ""},
		"a key without its secret":         {"POST", "/keys", `{"api_key":"another"}`, 400, "a key needs api_key and secret"},
		"a key with something unknown":     {"POST", "/keys", `{"api_key":"a","secret":"b","qsp":3}`, 400, `json: unknown field "qsp"`},
		"no key at all":                    {"POST", "/keys", ``, 400, "send a key as JSON, such as {"},
		"a key without any call":           {"POST", "/keys", `{"api_key":"a","secret":"b","qps":-3}`, 400, "qps is -3: it must be a positive number, or left out"},
		"a key that is no JSON":            {"POST", "/keys", `api_key=a`, 400, "invalid character"},
		"the credentials, or anything new": {"GET", "/tokens", "", 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.administer(test.method, test.path, test.body).expect(t, test.status, "")
			if test.error != "" && !strings.HasPrefix(got.object(t)["error"].(string), test.error) {
				t.Errorf("got %s\nwant %s", got.body, test.error)
			}
			if len(a.Faults()) != 0 {
				t.Error("a fault was added")
			}
		})
	}
}

func TestTheCountsAreShownWithoutSecrets(t *testing.T) {
	a := start(t, emulator.Options{QPS: 2})
	a.administer("POST", "/faults", "no_header,name=X-Total-Count,count=1")
	for _, status := range []int{200, 200, 403} {
		a.rest("GET", "/services?limit=1", "").expect(t, status, "")
	}
	a.clock.move(time.Second)
	a.rpc(helloCall)
	a.do(a.request("POST", "/v2/json-rpc/712?apikey="+credentials().APIKey.Reveal()+"&sig=wrong", helloCall))

	got := a.administer("GET", "/", "").expect(t, 200, "")
	for _, secret := range []string{
		credentials().APIKey.Reveal(), credentials().Secret.Reveal(), credentials().Password.Reveal(), credentials().Username, a.token,
	} {
		if strings.Contains(got.body, secret) {
			t.Errorf("a secret is shown: %s", got.body)
		}
	}
	var state struct {
		Counts struct {
			V2, V3, Password int
			Refused, Calls   map[string]int
			Faults           map[string]int
			Keys             []struct {
				Counted, Refused, Sliding, Arrived int
				Seconds                            []struct{ Unix, Counted, Refused int64 }
			}
		}
		Faults []any
	}
	if err := json.Unmarshal([]byte(got.body), &state); err != nil {
		t.Fatal(err)
	}
	n := state.Counts
	if n.V2 != 1 || n.V3 != 2 || n.Password != 1 || n.Calls["GET services"] != 2 || n.Faults["no_header"] != 1 ||
		n.Refused["over_qps"] != 1 || n.Refused["signature"] != 1 || state.Faults == nil || len(state.Faults) != 0 {
		t.Errorf("got %s", got.body)
	}
	key, first := n.Keys[0], a.clock.now().Unix()-1
	if key.Counted != 3 || key.Refused != 1 || key.Sliding != 2 || key.Arrived != 3 || len(key.Seconds) != 2 ||
		key.Seconds[0] != (struct{ Unix, Counted, Refused int64 }{first, 2, 1}) ||
		key.Seconds[1] != (struct{ Unix, Counted, Refused int64 }{first + 1, 1, 0}) {
		t.Errorf("the key: %+v", key)
	}
}
