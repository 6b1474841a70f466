// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func TestNothingPrintsASecret(t *testing.T) {
	e := newDemo(t)
	r, err := loadRole(t.Context(), e.storage, "demo")
	if err != nil {
		t.Fatal(err)
	}
	buyer, err := e.buyer(t.Context(), e.storage, r)
	if err != nil {
		t.Fatal(err)
	}
	token := &token{Access: seal("planted-access"), Refresh: seal("planted-refresh")}
	from := &source{buyer: buyer, API: mashery.V2, call: t.Context()}
	grant, err := from.Grant(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{r, *r, r.credentials(), token, *token, buyer, *buyer, from, *from, grant, *grant, seal("planted-x")} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if printed := fmt.Sprintf(verb, value); strings.Contains(printed, "planted") || strings.Contains(printed, fmt.Sprintf("%x", "planted")) {
				t.Errorf("%s of %T shows a secret: %.300s", verb, value, printed)
			}
		}
	}
}

func TestASecretSurvivesStorage(t *testing.T) {
	e := newDemo(t)
	r, err := loadRole(t.Context(), e.storage, "demo")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "key", r.APIKey.Reveal(), plantedKey)
	wantEqual(t, "password", r.Password.Reveal(), plantedPassword)
}

func TestNeitherErrorsNorTheLogShowASecret(t *testing.T) {
	limits := defaultBounds()
	limits.Call, limits.Fetch = 50*time.Millisecond, 50*time.Millisecond
	e := newEngineWithin(t, limits)
	e.writeRole("demo", demoRole())
	refuse := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, `{"error":"no"}`)
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, fault := range []http.HandlerFunc{refuse(400), refuse(401), refuse(403), refuse(503), hang, cut} {
		for _, token := range []http.HandlerFunc{nil, fault} {
			e.mashery.on(fault, token)
			for path, op := range map[string]logical.Operation{
				"roles/demo/grant": logical.ReadOperation, "roles/demo/token": logical.ReadOperation,
				"roles/demo/proxy/v3/services": logical.ReadOperation, "roles/demo/proxy/v2": logical.UpdateOperation,
			} {
				resp, err := e.ask(op, path, map[string]any{"method": "test.echo"})
				said := fmt.Sprint(err)
				if resp != nil && (resp.IsError() || strings.Contains(path, "proxy")) {
					said += fmt.Sprintf("%s %v", resp.Data, resp.Headers)
				}
				for _, secret := range []string{plantedKey, plantedSecret, plantedPassword, "token-", "sig="} {
					if strings.Contains(said, secret) {
						t.Errorf("%s shows %s: %s", path, secret, said)
					}
				}
			}
			e.clock.move(2 * time.Hour)
		}
	}
	for _, secret := range []string{plantedKey, plantedSecret, plantedPassword, "token-", "refresh-", "sig="} {
		if strings.Contains(e.log.String(), secret) {
			t.Errorf("the log shows %s:\n%s", secret, e.log)
		}
	}
}

func TestATokenEndpointThatRepeatsTheRequestShowsNoSecret(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(nil, func(w http.ResponseWriter, r *http.Request) {
		request, _ := httputil.DumpRequest(r, true)
		answer, _ := json.Marshal(map[string]string{"error": "invalid_grant", "error_description": string(request)})
		w.WriteHeader(http.StatusBadRequest)
		w.Write(answer)
	})
	key, _, _ := strings.Cut(base64.StdEncoding.EncodeToString([]byte(plantedKey+":"+plantedSecret)), "=")
	for _, path := range takers() {
		resp, err := e.ask(logical.ReadOperation, path, nil)
		said := fmt.Sprint(resp, err)
		for _, secret := range []string{key, plantedKey, plantedSecret, plantedPassword, "demo-user", "\r", "\n"} {
			if strings.Contains(said, secret) {
				t.Errorf("%s shows %q: %s", path, secret, said)
			}
		}
		if !strings.Contains(said, "Authorization: Basic [redacted]") {
			t.Errorf("%s does not tell the rest: %s", path, said)
		}
	}
}

func TestAnErrorThatRepeatsTheCallShowsNoSecret(t *testing.T) {
	e := newDemo(t)
	e.mashery.on(func(w http.ResponseWriter, r *http.Request) {
		said := r.RequestURI + " by " + r.Header.Get("Authorization")
		answer, _ := json.Marshal(map[string]any{"errorMessage": said, "error": map[string]any{"message": said}})
		w.Header().Set("X-Error-Detail-Header", said)
		w.WriteHeader(http.StatusBadRequest)
		w.Write(answer)
	}, nil)
	e.refused(logical.ReadOperation, "roles/demo/v2", nil, "Mashery answered with status 400: /v2/json-rpc/42?apikey=[redacted]&sig=[redacted] by ")
	e.refused(logical.ReadOperation, "roles/demo/v3/services/1", nil, "Mashery answered with status 400: /v3/rest/services/1 by Bearer [redacted]; /v3/rest/services/1 by Bearer [redacted]")
	wantEqual(t, "check", e.read("check", map[string]any{"role": "demo"})["role demo, v2"], any("fails: Mashery answered with status 400: /v2/json-rpc/42?apikey=[redacted]&sig=[redacted] by "))
}

func TestAValueOfAWrongTypeIsNotRepeated(t *testing.T) {
	e := newDemo(t)
	for _, c := range []struct {
		path, field string
		value       any
		want        string
	}{
		{"roles/demo", "password", map[string]any{"value": "planted"}, "password must be one text; no list and no object"},
		{"roles/new", "api_key", []any{"planted"}, "api_key must be one text; no list and no object"},
		{"roles/demo", "qps", "planted", "qps must be a whole number"},
		{"roles/demo", "area_nid", []any{"planted", 1}, "area_nid must be a whole number"},
		{"roles/demo", "exportable", "planted", "exportable must be true or false"},
		{"config", "proxy_server_creds", []any{"user:planted"}, "proxy_server_creds must be one text; no list and no object"},
		{"config/certs/leaf", "sn", map[string]any{"planted": 1}, "sn must be one text; no list and no object"},
		{"roles/demo/export", "pem", []any{"planted"}, "pem must be one text; no list and no object"},
		{"roles/demo/import", "pem", []any{"planted"}, "pem must be one text; no list and no object"},
		{"roles/demo/v2", "query", map[string]any{"planted": 1}, "query must be one text; no list and no object"},
		{"roles/demo/v3/services", "fields", map[string]any{"planted": 1}, "fields must be a text or a list of texts"},
		{"roles/demo/v3/services", "limit", "planted", "limit must be a whole number"},
	} {
		e.refused(logical.UpdateOperation, c.path, map[string]any{c.field: c.value}, c.want)
	}
	for _, path := range addresses() {
		for op := range e.Route(path).Operations {
			for field := range e.Route(path).Fields {
				for _, value := range []any{[]any{"planted"}, map[string]any{"planted": "planted"}} {
					resp, err := e.ask(op, path, map[string]any{field: value})
					if said := fmt.Sprint(err, resp.Error()); strings.Contains(said, "planted") {
						t.Errorf("%s %s repeats %s: %s", op, path, field, said)
					}
				}
			}
		}
	}
	if strings.Contains(e.log.String(), "planted") {
		t.Errorf("the log repeats it:\n%s", e.log)
	}
}

func TestAFieldNamedAsAPartOfThePathMayBeAnything(t *testing.T) {
	e := newDemo(t)
	for path, want := range map[string]string{
		"proxy/v3/services": `{"path":["a"],"role":{"b":"c"},"verb":{"d":"e"}}`,
		"proxy/v2":          `{"path":["a"],"role":{"b":"c"},"verb":{"d":"e"}}`,
	} {
		e.must(logical.UpdateOperation, "roles/demo/"+path, map[string]any{"path": []any{"a"}, "role": map[string]any{"b": "c"}, "verb": map[string]any{"d": "e"}})
		_, body := e.mashery.lastCall(t)
		wantEqual(t, path, body, want)
	}
}

func TestRevokingALeaseIsNotAMatterOfItsData(t *testing.T) {
	e := newDemo(t)
	secret := e.lease("3")
	req := logical.RevokeRequest("roles/demo/grant", secret, map[string]any{"api": "planted"})
	req.Storage = e.storage
	if resp, err := e.HandleRequest(t.Context(), req); err != nil || resp.IsError() {
		t.Errorf("got %v, %v", resp, err)
	}
}
