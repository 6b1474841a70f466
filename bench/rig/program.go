// SPDX-License-Identifier: MPL-2.0

package rig

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// endTime is how long a program has to end when it is asked to.
const endTime = 10 * time.Second

// Program is a process that was started here.
type Program struct {
	cmd   *exec.Cmd
	said  output
	ended chan struct{}
}

// Start runs a program, with no VAULT_ variables of this environment. The caller
// runs Stop.
func Start(path string, args ...string) (*Program, error) {
	p := &Program{cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "VAULT_") })
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // its exit code is in ProcessState
	}()
	return p, nil
}

// StartProxy runs `mashproxy proxy` with a configuration.
func StartProxy(path, config string, args ...string) (*Program, error) {
	return Start(path, append([]string{"proxy", "-config=" + config}, args...)...)
}

// Signal sends the process a signal.
func (p *Program) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Ended is closed when the process has ended.
func (p *Program) Ended() <-chan struct{} { return p.ended }

// Said is what it has written so far, to stdout and stderr; the last 64 KiB of it.
func (p *Program) Said() string { return p.said.String() }

// Await waits until the process has written what the pattern matches, and returns
// the match and its groups.
func (p *Program) Await(ctx context.Context, pattern *regexp.Regexp) ([]string, error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if found := pattern.FindStringSubmatch(p.Said()); found != nil {
			return found, nil
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return nil, fmt.Errorf("%s ended without saying %s:\n%s", p.cmd.Path, pattern, p.Said())
		case <-ctx.Done():
			return nil, fmt.Errorf("%s has not said %s: %w", p.cmd.Path, pattern, ctx.Err())
		}
	}
}

// Stop asks the process to end, and sees to it that it does. The error says when
// it did not do so by itself, or had failed.
func (p *Program) Stop() error {
	_ = p.Signal(os.Interrupt) // fails where it has ended
	select {
	case <-p.ended:
	case <-time.After(endTime):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s did not end within %s of being asked to", p.cmd.Path, endTime)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with exit code %d:\n%s", p.cmd.Path, code, p.Said())
	}
	return nil
}

// output keeps the end of what a process writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const keptOutput = 64 << 10

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() > 2*keptOutput {
		o.text.Next(o.text.Len() - keptOutput)
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.Bytes()
	return string(text[max(0, len(text)-keptOutput):])
}
