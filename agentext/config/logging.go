// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-secure-stdlib/parseutil"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/vault/helper/logging"
)

// checkLog refuses what Vault's logger would refuse (helper/logging), wherever
// it comes from.
func (l *loader) checkLog(cfg *Config, opts Options) {
	v, flags := cfg.Vault, opts.Flags
	_, err := logging.ParseLogLevel(v.LogLevel)
	l.logSetting(err, "log_level", v.LogLevel, flags.LogLevel, opts.isSet(envLogLevel), "trace, debug, info, warn or error")
	_, err = logging.ParseLogFormat(v.LogFormat)
	l.logSetting(err, "log_format", v.LogFormat, flags.LogFormat, opts.isSet(envLogFormat), "standard or json")
	_, err = parseutil.ParseDurationSecond(v.LogRotateDuration)
	l.logSetting(err, "log_rotate_duration", v.LogRotateDuration, flags.LogRotateDuration, false, "a time like 24h")
}

func (o Options) isSet(env string) bool {
	if o.LookupEnv == nil {
		return false
	}
	_, set := o.LookupEnv(env)
	return set
}

// logSetting reports a value that err is about, where it was written.
func (l *loader) logSetting(err error, key, value string, flag *string, env bool, want string) {
	if err == nil {
		return
	}
	at, name := hcl.Range{}, key
	switch {
	case flag != nil:
		name = "-" + strings.ReplaceAll(key, "_", "-")
	case env:
		name = "VAULT_" + strings.ToUpper(key)
	default:
		at = l.find(key)
	}
	l.error(at, fmt.Sprintf("%s cannot be %q", name, value), "Write "+want+".")
}
