// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"io"
	"log"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
)

// leveled is a logger that shares its level with all that are made of it, so
// that the level of all can be changed at once. Vault's logging gives each a
// level of its own.
type leveled struct {
	hclog.Logger // lets everything pass
	level        *atomic.Int32
}

var _ hclog.Logger = leveled{}

// withLevel gives a logger that lets everything pass a level.
func withLevel(all hclog.Logger, level hclog.Level) leveled {
	l := leveled{all, new(atomic.Int32)}
	l.SetLevel(level)
	return l
}

func (l leveled) passes(level hclog.Level) bool { return level >= l.GetLevel() }

func (l leveled) GetLevel() hclog.Level      { return hclog.Level(l.level.Load()) }
func (l leveled) SetLevel(level hclog.Level) { l.level.Store(int32(level)) }

func (l leveled) IsTrace() bool { return l.passes(hclog.Trace) }
func (l leveled) IsDebug() bool { return l.passes(hclog.Debug) }
func (l leveled) IsInfo() bool  { return l.passes(hclog.Info) }
func (l leveled) IsWarn() bool  { return l.passes(hclog.Warn) }
func (l leveled) IsError() bool { return l.passes(hclog.Error) }

func (l leveled) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }
func (l leveled) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }
func (l leveled) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l leveled) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l leveled) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l leveled) Log(level hclog.Level, msg string, args ...any) {
	if l.passes(level) {
		l.Logger.Log(level, msg, args...)
	}
}

func (l leveled) With(args ...any) hclog.Logger { return leveled{l.Logger.With(args...), l.level} }
func (l leveled) Named(name string) hclog.Logger {
	return leveled{l.Logger.Named(name), l.level}
}
func (l leveled) ResetNamed(name string) hclog.Logger {
	return leveled{l.Logger.ResetNamed(name), l.level}
}

func (l leveled) StandardLogger(o *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(l.StandardWriter(o), "", 0)
}

func (l leveled) StandardWriter(o *hclog.StandardLoggerOptions) io.Writer {
	at := hclog.Info // what hclog takes a line for that says nothing of its level
	if o != nil && o.ForceLevel != hclog.NoLevel {
		at = o.ForceLevel
	}
	return lines{l.Logger.StandardWriter(o), l, at}
}

// lines are what others write to a logger.
type lines struct {
	to  io.Writer
	log leveled
	at  hclog.Level
}

func (w lines) Write(line []byte) (int, error) {
	if !w.log.passes(w.at) {
		return len(line), nil
	}
	return w.to.Write(line)
}
