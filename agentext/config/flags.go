// SPDX-License-Identifier: MPL-2.0

package config

import (
	"flag"
	"strconv"
)

// Flags are the flags of `vault proxy` that override a file. Nil: not given.
type Flags struct {
	Address, CACert, CAPath, ClientCert, ClientKey, TLSServerName, Namespace *string
	TLSSkipVerify                                                            *bool

	LogLevel, LogFormat, LogFile, LogRotateDuration *string
	LogRotateBytes, LogRotateMaxFiles               *int

	ExitAfterAuth *bool
}

// Register defines the flags in set, under Vault's names. A flag that is given
// when set is parsed fills its field.
func (f *Flags) Register(set *flag.FlagSet) {
	for _, s := range []struct {
		to          **string
		name, usage string
	}{
		{&f.Address, "address", "`URL` of the Vault server. Environment: VAULT_ADDR. Default: https://127.0.0.1:8200"},
		{&f.CACert, "ca-cert", "`file` with the CA certificates that Vault's certificate is checked against. Environment: VAULT_CACERT"},
		{&f.CAPath, "ca-path", "`folder` of such files. Environment: VAULT_CAPATH"},
		{&f.ClientCert, "client-cert", "`file` with the certificate shown to Vault. Environment: VAULT_CLIENT_CERT"},
		{&f.ClientKey, "client-key", "`file` with the key of that certificate. Environment: VAULT_CLIENT_KEY"},
		{&f.TLSServerName, "tls-server-name", "`name` that Vault's certificate must have. Environment: VAULT_TLS_SERVER_NAME"},
		{&f.Namespace, "namespace", "Vault `namespace`. Environment: VAULT_NAMESPACE"},
		{&f.LogLevel, "log-level", "`level` of detail: trace, debug, info, warn or error. Environment: VAULT_LOG_LEVEL"},
		{&f.LogFormat, "log-format", "`format` of the log: standard or json. Environment: VAULT_LOG_FORMAT"},
		{&f.LogFile, "log-file", "`file` or folder the log goes to as well"},
		{&f.LogRotateDuration, "log-rotate-duration", "`time` after which a new log file is begun, like 24h"},
	} {
		set.Func(s.name, s.usage, func(value string) error { *s.to = &value; return nil })
	}
	for _, n := range []struct {
		to          **int
		name, usage string
	}{
		{&f.LogRotateBytes, "log-rotate-bytes", "`size` in bytes after which a new log file is begun"},
		{&f.LogRotateMaxFiles, "log-rotate-max-files", "`number` of older log files that are kept"},
	} {
		set.Func(n.name, n.usage, func(value string) error {
			number, err := strconv.Atoi(value)
			*n.to = &number
			return err
		})
	}
	for _, b := range []struct {
		to          **bool
		name, usage string
	}{
		{&f.TLSSkipVerify, "tls-skip-verify", "do not check Vault's certificate. Environment: VAULT_SKIP_VERIFY"},
		{&f.ExitAfterAuth, "exit-after-auth", "log in, write the sinks and exit with code 0"},
	} {
		set.BoolFunc(b.name, b.usage, func(value string) error {
			on, err := strconv.ParseBool(value)
			*b.to = &on
			return err
		})
	}
}
