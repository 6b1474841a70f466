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
// log_format, log_file and log_rotate_*; what is not for a file goes to w.
func NewLogger(c *configutil.SharedConfig, w io.Writer) (hclog.InterceptLogger, error) {
	level, levelErr := logging.ParseLogLevel(c.LogLevel)
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
	settings.LogLevel = level
	settings.LogFormat = format
	settings.LogFilePath = c.LogFile
	settings.LogRotateDuration = rotate
	settings.LogRotateBytes = c.LogRotateBytes
	settings.LogRotateMaxFiles = c.LogRotateMaxFiles
	return logging.Setup(settings, w)
}
