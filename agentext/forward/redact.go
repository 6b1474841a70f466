// SPDX-License-Identifier: MPL-2.0

package forward

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
)

const redacted = "[redacted]"

// vaultToken is what Vault's own tokens look like: service, batch and recovery
// tokens, new and old (sdk/helper/consts).
const vaultToken = `\b(?:hv[sbr]|[sbr])\.[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9]+)?`

// A redactor takes tokens out of text. Vault's cache writes some into its log:
// the updater its token at trace level, a restore its parent's in an error,
// cache-clear what it was sent.
type redactor struct {
	mu     sync.RWMutex
	known  []string // tokens that may look like anything; the newest few
	tokens *regexp.Regexp
}

// learn adds a token that may not look like Vault's.
func (r *redactor) learn(token string) {
	if len(token) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known = append(r.known, forms(token)...); len(r.known) > 16 {
		r.known = r.known[len(r.known)-16:]
	}
}

func (r *redactor) clean(text string) string {
	text = r.tokens.ReplaceAllString(text, redacted)
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, token := range r.known {
		text = strings.ReplaceAll(text, token, redacted)
	}
	return text
}

func newRedactor() *redactor { return &redactor{tokens: regexp.MustCompile(vaultToken)} }

// logger writes to log what is left.
func (r *redactor) logger(log hclog.Logger) hclog.Logger { return redactingLogger{log, r} }

type redactingLogger struct {
	hclog.Logger
	redactor *redactor
}

func (l redactingLogger) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }
func (l redactingLogger) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }
func (l redactingLogger) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l redactingLogger) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l redactingLogger) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l redactingLogger) Log(level hclog.Level, msg string, args ...any) {
	if level < l.GetLevel() {
		return
	}
	l.Logger.Log(level, l.redactor.clean(msg), l.clean(args)...)
}

// clean takes out whatever is called a token or a value, and tokens from
// everything that is text.
func (l redactingLogger) clean(args []any) []any {
	clean := make([]any, len(args))
	for i, arg := range args {
		clean[i] = arg
		switch arg := arg.(type) {
		case string:
			clean[i] = l.redactor.clean(arg)
		case error, fmt.Stringer:
			clean[i] = l.redactor.clean(fmt.Sprint(arg))
		}
		if i%2 == 1 && (args[i-1] == "token" || args[i-1] == "value") {
			clean[i] = redacted
		}
	}
	return clean
}

func (l redactingLogger) With(args ...any) hclog.Logger {
	return redactingLogger{l.Logger.With(l.clean(args)...), l.redactor}
}

func (l redactingLogger) Named(name string) hclog.Logger {
	return redactingLogger{l.Logger.Named(name), l.redactor}
}

func (l redactingLogger) ResetNamed(name string) hclog.Logger {
	return redactingLogger{l.Logger.ResetNamed(name), l.redactor}
}
