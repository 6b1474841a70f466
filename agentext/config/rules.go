// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"slices"
	"strings"

	hclv1 "github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/vault/command/proxy/config"
	"github.com/hashicorp/vault/internalshared/configutil"
)

// checkRules holds one block against another.
func (l *loader) checkRules(cfg *Config) {
	if len(l.blocks) > 0 && !l.broken {
		l.checkForce()
		if !l.has("auto_auth") {
			l.error(l.blocks[0].DefRange, "auto_auth missing", `Say how to log in to Vault, for instance: auto_auth { method "approle" { config = { role_id_file_path = "…" secret_id_file_path = "…" } } }.`)
		}
	}
	l.checkStart(cfg.Vault)
}

// checkForce asks for the one value of use_auto_auth_token under which no
// caller needs a token, and none can bring one that was not checked.
func (l *loader) checkForce() {
	const key = `use_auto_auth_token = "force"`
	const why = "Calls to Mashery are made with the auto-auth token, whatever token a caller sends."
	at := l.find("api_proxy")
	if at.Filename == "" {
		l.error(l.blocks[0].DefRange, "api_proxy missing", "Add: api_proxy { "+key+" }. "+why)
		return
	}
	for _, f := range l.parsed() {
		block := item(f.tree.Root.Items, "api_proxy")
		if block == nil || f.tree.ItemRange(block) != at {
			continue
		}
		var api config.APIProxy
		if err := hclv1.DecodeObject(&api, block.Val); err == nil && strings.EqualFold(fmt.Sprint(api.UseAutoAuthTokenRaw), "force") {
			return
		}
		if value := f.find("api_proxy", "use_auto_auth_token"); value.Filename != "" {
			at = value
		}
	}
	l.error(at, "use_auto_auth_token must be \"force\"", "With a mashery block, write: api_proxy { "+key+" }. "+why)
}

// checkStart refuses what Vault Proxy refuses only when it starts
// (command/proxy.go, command/agentproxyshared/helpers.go).
func (l *loader) checkStart(v *config.Config) {
	if api := v.APIProxy; api != nil {
		l.oneOf(api.EnforceConsistency, []string{"", "always", "never"}, "api_proxy", "enforce_consistency")
		l.oneOf(api.WhenInconsistent, []string{"", "retry", "forward", "fail"}, "api_proxy", "when_inconsistent")
	}
	if auth := v.AutoAuth; auth != nil {
		if auth.Method != nil {
			l.oneOf(auth.Method.Type, authMethods(), "auto_auth", "method")
		}
		for _, s := range auth.Sinks {
			l.oneOf(s.Type, []string{"file"}, "auto_auth", "sink")
		}
	}
	if v.Cache != nil && v.Cache.Persist != nil {
		l.oneOf(v.Cache.Persist.Type, []string{"kubernetes"}, "cache", "persist")
		if v.Cache.Persist.Path == "" {
			l.error(l.find("cache", "persist"), "path missing", `Say where the cache is kept: persist "kubernetes" { path = "…" }.`)
		}
	}
}

// authMethods are the names agentproxyshared.GetAutoAuthMethodFromConfig knows.
func authMethods() []string {
	return []string{"alicloud", "approle", "aws", "azure", "cert", "cf", "gcp", "jwt", "kerberos", "kubernetes", "ldap", "oci", "pcf", "token_file"}
}

func (l *loader) oneOf(value string, allowed []string, path ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	allowed = slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	l.error(l.find(path...), fmt.Sprintf("%s cannot be %q", strings.Join(path, "."), value), choices(value, allowed))
}

// retriesSet tells whether the vault block that counts, the last one, asks for
// a number of retries.
func (l *loader) retriesSet() (set bool) {
	for _, f := range l.parsed() {
		block := item(f.tree.Root.Items, "vault")
		if block == nil || f.vault == nil {
			continue
		}
		var v config.Vault
		err := hclv1.DecodeObject(&v, block.Val)
		set = err == nil && v.Retry != nil && v.Retry.NumRetries != 0
	}
	return set
}

// askVault adds what Vault's loader has against each file, and what Vault's
// own validation has against all of them together.
func (l *loader) askVault(cfg *Config) {
	refused := l.broken
	for _, f := range l.parsed() {
		if d := f.vaultProblem(); d != nil {
			l.diags = append(l.diags, d)
		}
		refused = refused || f.vaultErr != nil
	}
	if refused {
		return // without those files everything seems to be missing
	}
	if err := l.completed(cfg.Vault).ValidateConfig(); err != nil {
		l.report(hcl.DiagError, l.locate(err), "Not a configuration for Vault Proxy", sentence(plain(err.Error())))
	}
}

// completed is v with a stand-in for what checkRules has already missed, so
// that Vault's validation gets past it to its next rule.
func (l *loader) completed(v *config.Config) *config.Config {
	if len(l.blocks) == 0 {
		return v
	}
	filled := *v
	if shared := *v.SharedConfig; len(shared.Listeners) == 0 {
		shared.Listeners = []*configutil.Listener{{}}
		filled.SharedConfig = &shared
	}
	if filled.AutoAuth == nil {
		filled.AutoAuth = &config.AutoAuth{Sinks: []*config.Sink{{}}}
	}
	if filled.APIProxy == nil {
		filled.APIProxy = &config.APIProxy{UseAutoAuthToken: true}
	}
	return &filled
}

// locate follows the names of Vault's message in the last file that has them.
func (l *loader) locate(err error) (at hcl.Range) {
	for _, f := range l.parsed() {
		if found := f.locate(err.Error()); found.Filename != "" {
			at = found
		}
	}
	return at
}
