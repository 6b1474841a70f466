// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"strconv"

	"github.com/hashicorp/go-secure-stdlib/parseutil"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/command/proxy/config"
	"github.com/hashicorp/vault/internalshared/configutil"
)

// defaultAddress is where Vault is looked for when nothing says where.
const defaultAddress = "https://127.0.0.1:8200"

// The environment variables of the log (command/commands.go).
const (
	envLogLevel  = "VAULT_LOG_LEVEL"
	envLogFormat = "VAULT_LOG_FORMAT"
)

// override puts environment and flags over what the files say, as Vault Proxy
// does (command/proxy.go applyConfigOverrides, command/log_flags.go). A
// variable that is set and empty counts, but for VAULT_NAMESPACE and
// VAULT_MAX_RETRIES.
func (c *Config) override(opts Options) (diags hcl.Diagnostics) {
	lookup := opts.LookupEnv
	if lookup == nil {
		lookup = func(string) (string, bool) { return "", false }
	}
	c.overrideTexts(lookup, opts.Flags)
	c.overrideNumbers(opts.Flags)
	diags = append(diags, c.overrideSkipVerify(lookup, opts.Flags.TLSSkipVerify)...)
	diags = append(diags, c.overrideRetries(lookup)...)
	c.overrideNamespace(lookup, opts.Flags.Namespace)
	c.Vault.Vault.Address = configutil.NormalizeAddr(c.Vault.Vault.Address)
	if c.Vault.Vault.Address == "" {
		c.Vault.Vault.Address = defaultAddress
	}
	return diags
}

func (c *Config) overrideTexts(lookup func(string) (string, bool), flags Flags) {
	v := c.Vault.Vault
	for _, s := range []struct {
		to   *string
		env  string // "": none
		flag *string
	}{
		{&v.Address, api.EnvVaultAddress, flags.Address},
		{&v.CACert, api.EnvVaultCACert, flags.CACert},
		{&v.CAPath, api.EnvVaultCAPath, flags.CAPath},
		{&v.ClientCert, api.EnvVaultClientCert, flags.ClientCert},
		{&v.ClientKey, api.EnvVaultClientKey, flags.ClientKey},
		{&v.TLSServerName, api.EnvVaultTLSServerName, flags.TLSServerName},
		{&c.Vault.LogLevel, envLogLevel, flags.LogLevel},
		{&c.Vault.LogFormat, envLogFormat, flags.LogFormat},
		{&c.Vault.LogFile, "", flags.LogFile},
		{&c.Vault.LogRotateDuration, "", flags.LogRotateDuration},
	} {
		if s.flag != nil {
			*s.to = *s.flag
		} else if value, set := lookup(s.env); set && s.env != "" {
			*s.to = value
		}
	}
}

func (c *Config) overrideNumbers(flags Flags) {
	if flags.LogRotateBytes != nil {
		c.Vault.LogRotateBytes = *flags.LogRotateBytes
	}
	if flags.LogRotateMaxFiles != nil {
		c.Vault.LogRotateMaxFiles = *flags.LogRotateMaxFiles
	}
	if flags.ExitAfterAuth != nil {
		c.Vault.ExitAfterAuth = *flags.ExitAfterAuth
	}
}

// overrideSkipVerify refuses what is no bool: to take it for false, or for
// nothing, would be a guess about whether Vault's certificate is checked.
func (c *Config) overrideSkipVerify(lookup func(string) (string, bool), flag *bool) hcl.Diagnostics {
	if flag != nil {
		c.Vault.Vault.TLSSkipVerify = *flag
		return nil
	}
	value, set := lookup(api.EnvVaultSkipVerify)
	if !set {
		return nil
	}
	skip, err := parseutil.ParseBool(value)
	if err != nil {
		return badVariable(api.EnvVaultSkipVerify, value, "true or false")
	}
	c.Vault.Vault.TLSSkipVerify = skip
	return nil
}

// overrideRetries reads the variable as vault/api does (api/client.go).
func (c *Config) overrideRetries(lookup func(string) (string, bool)) hcl.Diagnostics {
	value, _ := lookup(api.EnvVaultMaxRetries)
	if value == "" {
		return nil
	}
	retries, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return badVariable(api.EnvVaultMaxRetries, value, "a number, 0 or more")
	}
	c.Vault.Vault.Retry = &config.Retry{NumRetries: int(retries)}
	c.RetriesSet = true
	return nil
}

// overrideNamespace lets one that is named outside the files stand for all
// that are named in them.
func (c *Config) overrideNamespace(lookup func(string) (string, bool), flag *string) {
	value, _ := lookup(api.EnvVaultNamespace)
	if flag != nil {
		value = *flag
	}
	if value == "" {
		return
	}
	c.Vault.Vault.Namespace = value
	if auth := c.Vault.AutoAuth; auth != nil && auth.Method != nil {
		auth.Method.Namespace = value
	}
}

func badVariable(name, value, want string) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Environment variable not readable", Detail: fmt.Sprintf("%s is %q; set it to %s, or unset it.", name, value, want)}}
}
