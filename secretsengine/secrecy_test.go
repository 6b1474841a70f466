// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"fmt"
	"io"
	"net/http"
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
