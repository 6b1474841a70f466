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

// Register defines all flags in set, under Vault's names. A flag that is given
// when set is parsed fills its field.
func (f *Flags) Register(set *flag.FlagSet) {
	f.RegisterVault(set)
	f.RegisterProcess(set)
}

// RegisterVault defines the flags that say how Vault is reached.
func (f *Flags) RegisterVault(set *flag.FlagSet) {
	text(set, &f.Address, "address", "`URL` of the Vault server. Environment: VAULT_ADDR. Default: https://127.0.0.1:8200")
	text(set, &f.CACert, "ca-cert", "`file` with the CA certificates that Vault's certificate is checked against. Environment: VAULT_CACERT")
	text(set, &f.CAPath, "ca-path", "`folder` of such files. Environment: VAULT_CAPATH")
	text(set, &f.ClientCert, "client-cert", "`file` with the certificate shown to Vault. Environment: VAULT_CLIENT_CERT")
	text(set, &f.ClientKey, "client-key", "`file` with the key of that certificate. Environment: VAULT_CLIENT_KEY")
	text(set, &f.TLSServerName, "tls-server-name", "`name` that Vault's certificate must have. Environment: VAULT_TLS_SERVER_NAME")
	text(set, &f.Namespace, "namespace", "Vault `namespace`. Environment: VAULT_NAMESPACE")
	truth(set, &f.TLSSkipVerify, "tls-skip-verify", "do not check Vault's certificate. Environment: VAULT_SKIP_VERIFY")
}

// RegisterProcess defines the flags of a process that stays: its log and its end.
func (f *Flags) RegisterProcess(set *flag.FlagSet) {
	text(set, &f.LogLevel, "log-level", "`level` of detail: trace, debug, info, warn or error. Environment: VAULT_LOG_LEVEL")
	text(set, &f.LogFormat, "log-format", "`format` of the log: standard or json. Environment: VAULT_LOG_FORMAT")
	text(set, &f.LogFile, "log-file", "`file` or folder the log goes to as well")
	text(set, &f.LogRotateDuration, "log-rotate-duration", "`time` after which a new log file is begun, like 24h")
	number(set, &f.LogRotateBytes, "log-rotate-bytes", "`size` in bytes after which a new log file is begun")
	number(set, &f.LogRotateMaxFiles, "log-rotate-max-files", "`number` of older log files that are kept")
	truth(set, &f.ExitAfterAuth, "exit-after-auth", "log in, write the sinks and exit with code 0")
}

func text(set *flag.FlagSet, to **string, name, usage string) {
	set.Func(name, usage, func(value string) error { *to = &value; return nil })
}

func number(set *flag.FlagSet, to **int, name, usage string) {
	set.Func(name, usage, func(value string) error {
		number, err := strconv.Atoi(value)
		*to = &number
		return err
	})
}

func truth(set *flag.FlagSet, to **bool, name, usage string) {
	set.BoolFunc(name, usage, func(value string) error {
		on, err := strconv.ParseBool(value)
		*to = &on
		return err
	})
}
