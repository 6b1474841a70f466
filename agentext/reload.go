// SPDX-License-Identifier: MPL-2.0

package agentext

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"

	"mashproxy/agentext/config"
)

// reloads reads certificates and the log level again when told to, as Vault
// Proxy does on SIGHUP, and with them local rules, the tls blocks and the token's
// policies.
func (p *Proxy) reloads(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.options.Reload:
			p.notify(daemon.SdNotifyReloading)
			if err := p.reload(); err != nil {
				p.log.Error("not everything was reloaded; what failed stays as it was", "error", err)
			} else {
				p.log.Info("reloaded certificates, log level, local rules and tls blocks, reading policies again")
			}
			p.notify(daemon.SdNotifyReady)
		}
	}
}

func (p *Proxy) reload() error {
	var failed error
	if p.app.policies != nil {
		p.app.policies.Reread()
	}
	for _, l := range p.listeners {
		failed = errors.Join(failed, l.Reload())
	}
	if p.options.Load != nil {
		failed = errors.Join(failed, p.takeOver())
	}
	return failed
}

// takeOver reads the configuration anew and takes of it what may change while
// calls are served.
func (p *Proxy) takeOver() error {
	fresh, err := p.options.Load()
	if err != nil {
		return fmt.Errorf("log level, local rules and tls blocks: %w", err)
	}
	level, err := LogLevel(fresh.Vault.SharedConfig)
	if err != nil {
		return fmt.Errorf("log_level: %w", err)
	}
	p.log.SetLevel(level)
	return p.heed(fresh)
}

// heed takes over local rules and tls blocks. They were written for what stands
// beside them: next to other listeners, blocks and endpoints, which count after a
// restart only, they might let through, or trust, what neither of the two files
// does.
func (p *Proxy) heed(fresh *config.Config) error {
	if p.app.local == nil {
		return nil
	}
	before, after := surroundings(p.config), surroundings(fresh)
	for i := range max(len(before), len(after)) {
		if here, there := nth(before, i), nth(after, i); here != there {
			return fmt.Errorf("local rules and tls blocks: the file now has %s where %s is in force, and this takes a restart; they stay as they were until then", there, here)
		}
	}
	p.app.local.Narrow(fresh.LocalRules)
	for i, block := range fresh.Mashery {
		p.app.ways[i].trust(block.TLS)
	}
	return nil
}

// surroundings are the listeners and blocks in which local rules and tls blocks
// stand, with what else they say of what is let through, and to where.
func surroundings(c *config.Config) (all []string) {
	for _, l := range c.Vault.Listeners {
		all = append(all, fmt.Sprintf("the listener %s %s (role: %s, require_request_header: %t)", l.Type, l.Address, cmp.Or(l.Role, "default"), l.RequireRequestHeader))
	}
	for _, m := range c.Mashery {
		all = append(all, fmt.Sprintf("the mashery block %s (policy: %s, enterprise: %s, reveal: %s, v2_endpoint: %s, v3_endpoint: %s)",
			m.Path(), m.Policy, cmp.Or(m.Enterprise, "default"), m.Reveal, m.V2Endpoint, m.V3Endpoint))
	}
	return all
}

// nth is an entry of a list that may be too short for it.
func nth(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}
