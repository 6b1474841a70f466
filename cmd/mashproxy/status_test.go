// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"mashproxy/sandbox"
)

const (
	statusPath = "/proxy/v1/status"
	clearPath  = "/proxy/v1/cache-clear"
)

// standing is what the status page says of a role.
type standing struct {
	Mount, Role string
	Grants      []struct {
		API     int
		State   string
		Left    int    `json:"seconds_left"`
		Error   string `json:"last_error"`
		Renewed int    `json:"renewals"`
	}
	SecondsLeft int     `json:"seconds_left"`
	Rate        float64 `json:"rate"`
	Queue       int     `json:"queue"`
	LastError   string  `json:"last_error"`
	LeftToVault string  `json:"left_to_vault"`
}

// standings reads the status page.
func standings(t *testing.T, d *door) (roles map[string]standing, text string) {
	t.Helper()
	page := d.get(t, statusPath).expect(t, http.StatusOK, "")
	var all struct{ Roles []standing }
	if err := json.Unmarshal([]byte(page.body), &all); err != nil {
		t.Fatalf("%v: %s", err, page.body)
	}
	roles = map[string]standing{}
	for _, r := range all.Roles {
		roles[r.Role] = r
	}
	return roles, page.body
}

func TestTheStatusPageShowsGrantsAndBudgets(t *testing.T) {
	t.Parallel()
	w := open(t, setup{sandbox: sandbox.Options{QPS: 10}})
	if roles, text := standings(t, w.tcp); len(roles) != 0 || !strings.Contains(text, `"logged_in": true`) {
		t.Fatalf("before any call it says %s", text)
	}
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	w.unix.send(t, "POST", v2, echo).expect(t, http.StatusOK, "")
	w.unix.get(t, "/v1/mash-creds/roles/nosuch/proxy/v3/services").expect(t, http.StatusBadGateway, "grant_refused")
	roles, text := standings(t, w.tcp)
	demo := roles["demo"]
	if len(demo.Grants) != 2 || demo.Grants[0].State != "live" || demo.Grants[1].State != "live" || demo.Mount != "mash-creds" {
		t.Errorf("it says %s", text)
	}
	if demo.SecondsLeft < 40 || demo.SecondsLeft > 60 { // V2's is the shorter one
		t.Errorf("%d seconds are left", demo.SecondsLeft)
	}
	if demo.Rate < 9 || demo.Rate > 10 || demo.Queue != 0 || demo.LastError != "" {
		t.Errorf("it says %+v", demo)
	}
	contains(t, "the role that is not there", roles["nosuch"].LastError, "nosuch")
}

func TestClearingTheCacheDropsGrants(t *testing.T) {
	t.Parallel()
	w := open(t, setup{})
	log := w.audited(t)
	call := func() { w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "") }
	call()
	for i, test := range []struct {
		name, order string
		grants      int // read so far
	}{
		{"another path", `{"type":"request_path","value":"/v1/mash-creds/roles/other"}`, 1},
		{"another lease", `{"type":"lease","value":"mash-creds/roles/demo/grant/nosuch"}`, 1},
		{"the role's path", `{"type":"request_path","value":"/v1/mash-creds/roles/demo/grant"}`, 2},
		{"everything", `{"type":"all"}`, 3},
	} {
		w.unix.send(t, "POST", clearPath, test.order).expect(t, http.StatusOK, "")
		call()
		if n := log.count(t, grantPath); n != test.grants {
			t.Errorf("%d, %s: %d grants were read, want %d", i, test.name, n, test.grants)
		}
	}
	refused := w.unix.send(t, "POST", clearPath, `{"type":"everything"}`)
	if refused.status != http.StatusBadRequest {
		t.Errorf("status %d: %s", refused.status, refused.body)
	}
	contains(t, "the refusal", refused.body, "invalid type", "request_path")
}

// counts makes metrics count from the start, as Prometheus reads them: the page as
// JSON shows one interval of ten seconds, which may have just begun.
func counts() edit { return atTop("telemetry {\n  prometheus_retention_time = \"1h\"\n}") }

const counted = "/proxy/v1/metrics?format=prometheus"

func TestTheMetricsCountGrantsPacingAndMasherysRefusals(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{counts()}})
	w.befall(t, "over_qps,count=1")
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusOK, "")
	page := w.tcp.get(t, counted).expect(t, http.StatusOK, "")
	contains(t, "the metrics", page.body, "mashproxy_grants_fetch_ok 1", "mashproxy_pacing_wait_count 1", "mashproxy_mashery_over_qps 1", "mashproxy_mashery_resent_over_qps 1")
}

func TestAQuotaThatIsSpentIsAnsweredAtOnceAndShown(t *testing.T) {
	t.Parallel()
	w := open(t, setup{edits: []edit{counts()}})
	w.befall(t, "over_quota,count=1")
	w.unix.get(t, v3+"services?limit=1").expect(t, http.StatusForbidden, "")
	_, text := standings(t, w.tcp)
	contains(t, "the status", text, `"over_quota": 1`)
	page := w.tcp.get(t, counted).expect(t, http.StatusOK, "")
	contains(t, "the metrics", page.body, "mashproxy_mashery_over_quota 1")
}
