// SPDX-License-Identifier: MPL-2.0

package sandbox_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"mashproxy/sandbox"
	"mashproxy/sandbox/emulator"
)

// services reads a list of services by way of the engine, and gives the status.
func services(t *testing.T, s *sandbox.Sandbox) int {
	t.Helper()
	resp, err := rootClient(t, s).Logical().ReadRawWithContext(t.Context(), "mash-creds/roles/demo/proxy/v3/services")
	var refused *api.ResponseError
	if errors.As(err, &refused) {
		return refused.StatusCode
	}
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestTheEmulatedMasheryFailsFromOutside(t *testing.T) {
	s := start(t, sandbox.Options{Faults: []emulator.Fault{{Kind: emulator.FaultError, Status: 502, API: emulator.FaultV3}}})
	if status := services(t, s); status != http.StatusBadGateway {
		t.Errorf("with a fault from the start the engine answers %d, want 502", status)
	}
	administer := func(method, path, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.MasheryAdminURL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, text, err)
		}
		return string(text)
	}
	administer(http.MethodDelete, "/faults", "")
	if status := services(t, s); status != http.StatusOK {
		t.Errorf("without a fault the engine answers %d, want 200", status)
	}
	administer(http.MethodPost, "/faults", "over_quota,count=1")
	if status := services(t, s); status != http.StatusForbidden {
		t.Errorf("over the quota the engine answers %d, want 403", status)
	}
	var state struct{ Counts emulator.Counts }
	if err := json.Unmarshal([]byte(administer(http.MethodGet, "/", "")), &state); err != nil {
		t.Fatal(err)
	}
	if n := state.Counts; n.V3 != 1 || n.Refused[emulator.CauseFault] != 1 || n.Refused[emulator.CauseOverQuota] != 1 || len(n.Keys) != 1 {
		t.Errorf("counts: %+v", n)
	}
}

func TestTheEngineTrustsAnEmulatedMasheryWithTLS(t *testing.T) {
	s := start(t, sandbox.Options{MasheryTLS: true})
	if !strings.HasPrefix(s.MasheryURL(), "https://") {
		t.Errorf("it is at %s", s.MasheryURL())
	}
	if status := services(t, s); status != http.StatusOK {
		t.Errorf("the engine answers %d, want 200", status)
	}
	if read(t, s, "mashery-ca.pem")+"\n" != string(s.MasheryCA()) {
		t.Error("mashery-ca.pem is not the certificate of the authority")
	}
	if block := "tls {\n    ca_cert = \"" + s.Dir() + "/mashery-ca.pem\"\n  }\n}"; !strings.Contains(read(t, s, "mashproxy.hcl"), block) {
		t.Errorf("the proxy is not told to trust it:\n%s", read(t, s, "mashproxy.hcl"))
	}
}

func TestTheEmulatedMasheryHasADailyQuota(t *testing.T) {
	s := start(t, sandbox.Options{Quota: 2})
	for _, want := range []int{http.StatusOK, http.StatusOK, http.StatusForbidden} {
		if status := services(t, s); status != want {
			t.Errorf("the engine answers %d, want %d", status, want)
		}
	}
}

// The banner's lines for Vault's command line, made as that makes them: a
// `name=value` after the path is a query parameter of a read.
func TestTheVaultLinesOfTheBannerWork(t *testing.T) {
	s := start(t, sandbox.Options{Mount: "team/mash"})
	var banner strings.Builder
	if err := s.Banner(&banner); err != nil {
		t.Fatal(err)
	}
	if export := "\nexport VAULT_ADDR=" + s.Vault().Address() + ` VAULT_TOKEN="$(cat '` + s.Dir() + `/root-token')"` + "\n"; !strings.Contains(banner.String(), export) {
		t.Errorf("the banner lacks %s", export)
	}
	client := rootClient(t, s).Logical()
	wants := map[string]string{
		"read team/mash/roles/demo":             "qps",
		"read team/mash/roles/demo/grant api=2": "sig",
		"read team/mash/roles/demo/grant api=3": "access_token",
		"read team/mash/roles/demo/token":       "access_token",
		"list team/mash/roles":                  "keys",
	}
	for line := range strings.Lines(banner.String()) {
		command, isVault := strings.CutPrefix(strings.TrimSpace(line), "vault ")
		if !isVault {
			continue
		}
		words := strings.Fields(command)
		query := map[string][]string{}
		for _, word := range words[2:] {
			name, value, _ := strings.Cut(word, "=")
			query[name] = []string{value}
		}
		answer, err := client.ReadWithDataWithContext(t.Context(), words[1], query)
		if words[0] == "list" {
			answer, err = client.ListWithContext(t.Context(), words[1])
		}
		if err != nil || answer == nil || answer.Data[wants[command]] == nil {
			t.Errorf("vault %s: %v, %v", command, answer, err)
		}
		delete(wants, command)
	}
	for missing := range wants {
		t.Errorf("the banner lacks vault %s", missing)
	}
}
