// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-secure-stdlib/parseutil"
	"github.com/hashicorp/vault/helper/logging"
	"github.com/hashicorp/vault/internalshared/configutil"
)

// NewLogger makes the program's logger as Vault Proxy does, out of log_level,
// log_format, log_file and log_rotate_*; what is not for a file goes to w. Its
// level is that of all loggers that are made of it.
func NewLogger(c *configutil.SharedConfig, w io.Writer) (hclog.Logger, error) {
	level, levelErr := LogLevel(c)
	format, formatErr := logging.ParseLogFormat(c.LogFormat)
	rotate, rotateErr := parseutil.ParseDurationSecond(c.LogRotateDuration)
	if err := errors.Join(levelErr, formatErr, rotateErr); err != nil {
		return nil, fmt.Errorf("log settings: %w", err)
	}
	settings, err := logging.NewLogConfig("mashproxy")
	if err != nil {
		return nil, err
	}
	settings.Name = "mashproxy"
	settings.LogLevel = hclog.Trace
	settings.LogFormat = format
	settings.LogFilePath = c.LogFile
	settings.LogRotateDuration = rotate
	settings.LogRotateBytes = c.LogRotateBytes
	settings.LogRotateMaxFiles = c.LogRotateMaxFiles
	all, err := logging.Setup(settings, w)
	if err != nil {
		return nil, err
	}
	return withLevel(all, level), nil
}

// LogLevel is what log_level says.
func LogLevel(c *configutil.SharedConfig) (hclog.Level, error) {
	return logging.ParseLogLevel(c.LogLevel)
}
