// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

func fieldsOf(data map[string]any) string {
	var names []string
	for name := range data {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestAV2GrantIsASignatureOfNow(t *testing.T) {
	e := newDemo(t)
	got := e.read("roles/demo/grant", map[string]any{"api": 2})
	wantEqual(t, "fields", fieldsOf(got), "api_key area_nid key_id qps sig v2_endpoint v3_endpoint")
	wantEqual(t, "api_key", got["api_key"], any(plantedKey))
	wantEqual(t, "area_nid", got["area_nid"], any(int64(42)))
	wantEqual(t, "qps", got["qps"], any(1000))
	sig := mashery.SignV2(mashery.NewSecret(plantedKey), mashery.NewSecret(plantedSecret), e.clock.now()).Reveal()
	wantEqual(t, "sig", got["sig"], any(sig))
	wantEqual(t, "token requests", len(e.mashery.tokenRequests()), 0)
	wantEqual(t, "v2_endpoint", got["v2_endpoint"], any(e.mashery.URL+"/v2/json-rpc"))
	wantEqual(t, "v3_endpoint", got["v3_endpoint"], any(e.mashery.URL+"/v3/rest"))
}

func TestAV3GrantIsATokenOfItsOwn(t *testing.T) {
	e := newDemo(t)
	got := e.read("roles/demo/grant", nil)
	wantEqual(t, "fields", fieldsOf(got), "access_token expiry expiry_epoch key_id qps token_time_remaining v2_endpoint v3_endpoint")
	expiry := e.clock.now().Add(time.Hour)
	wantEqual(t, "expiry", got["expiry"], any(expiry.UTC().Format(time.RFC3339)))
	wantEqual(t, "expiry_epoch", got["expiry_epoch"], any(expiry.Unix()))
	wantEqual(t, "token_time_remaining", got["token_time_remaining"], any(int64(3600)))
	wantEqual(t, "first token", got["access_token"], any("token-1"))
	wantEqual(t, "second token", e.read("roles/demo/grant", map[string]any{"api": "3"})["access_token"], any("token-2"))
	wantEqual(t, "what was asked", e.mashery.tokenRequests()[0],
		"grant_type=password&password=planted-password&scope=demo-area&username=demo-user")
}

func TestKeyIDTellsKeysApartWithoutRevealingThem(t *testing.T) {
	e := newDemo(t)
	same, other := demoRole(), demoRole()
	same["area_nid"], same["secret"] = 7, "another"
	other["api_key"] = "another-key"
	e.writeRole("same", same)
	e.writeRole("other", other)
	id := func(role, api string) string {
		return e.read("roles/"+role+"/grant", map[string]any{"api": api})["key_id"].(string)
	}
	demo := id("demo", "2")
	wantEqual(t, "V3 of the same role", id("demo", "3"), demo)
	wantEqual(t, "another role of the same key", id("same", "2"), demo)
	wantEqual(t, "length in hex digits", len(demo), 64)
	if id("other", "2") == demo {
		t.Error("another key must have another key_id")
	}
	mount := newDemo(t)
	if mount.read("roles/demo/grant", map[string]any{"api": "2"})["key_id"] == demo {
		t.Error("another mount must have another salt")
	}
	e.InvalidateKey(t.Context(), saltKey)
	wantEqual(t, "after the salt was read anew", id("demo", "2"), demo)
}

func TestWrongGrantRequestsAreRefusedInWords(t *testing.T) {
	e := newDemo(t)
	e.writeRole("v2", map[string]any{"area_nid": 1, "api_key": "k", "secret": "s"})
	e.writeRole("empty", nil)
	grant := func(role string, api any, want string) {
		t.Helper()
		e.refused(logical.ReadOperation, "roles/"+role+"/grant", map[string]any{"api": api}, want)
	}
	grant("demo", 4, "unsupported api version: 4")
	grant("v2", 3, `role is not capable of api version 3, which needs area_id, api_key, secret, username and password; write them to roles/v2`)
	grant("empty", 2, `role is not capable of api version 2, which needs area_nid, api_key and secret; write them to roles/empty`)
}

func TestOddTokenAnswersAreErrorsNotPanics(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":             "",
		"no JSON":             "<h1>Gateway</h1>",
		"no token":            `{"expires_in":3600}`,
		"no life":             `{"access_token":"x"}`,
		"a negative life":     `{"access_token":"x","expires_in":-1}`,
		"a life past reason":  `{"access_token":"x","expires_in":9223372036854775807}`,
		"a list of something": `[1,2]`,
	} {
		t.Run(name, func(t *testing.T) {
			e := newDemo(t)
			e.mashery.on(nil, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) })
			for _, path := range []string{"roles/demo/grant", "roles/demo/token"} {
				e.failed(path, 502, `role "demo"`, "Mashery's token endpoint answered 200", "check v3_token_endpoint")
			}
		})
	}
}
