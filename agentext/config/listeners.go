// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"net"
	"strings"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/vault/internalshared/configutil"

	"mashproxy/agentext/config/hcl1"
	"mashproxy/agentext/localrules"
	"mashproxy/mashery"
)

// makeUnixPlain lets a unix listener do without TLS when no tls_ key is
// written. Vault Proxy would ask it for a certificate.
func (f *file) makeUnixPlain() {
	for i, it := range items(f.tree.Root.Items, "listener") {
		if l := f.vault.Listeners[i]; l.Type == configutil.Unix && !mentionsTLS(it) {
			l.TLSDisable = true
		}
	}
}

func mentionsTLS(listener *ast.ObjectItem) bool {
	for _, it := range inside(listener) {
		if strings.HasPrefix(strings.ToLower(hcl1.Name(it.Keys[0])), "tls_") {
			return true
		}
	}
	return false
}

// checkListeners goes through the listeners of all files, and gives their
// local rules in that order.
func (l *loader) checkListeners() (rules []*localrules.Rules) {
	serving := 0
	for _, f := range l.parsed() {
		for i, it := range items(f.tree.Root.Items, "listener") {
			ln, err := listenerOf(it)
			if err != nil {
				l.refusedListener(f, i, err)
				rules = append(rules, nil)
				continue
			}
			rules = append(rules, l.listenerRules(f, it, ln))
			l.checkCertificate(f, it, ln)
			if ln.Role != metricsOnly {
				serving++
			}
			if ln.Type == configutil.TCP && len(l.blocks) > 0 {
				l.checkReach(f, it, ln)
			}
		}
	}
	if serving == 0 && !l.broken && len(l.blocks) > 0 {
		l.missingListener()
	}
	return rules
}

func (l *loader) missingListener() {
	if at := l.find("listener"); at.Filename != "" {
		l.error(at, "Listener missing", `A listener with role = "metrics_only" serves no calls; add one without a role.`)
	} else {
		l.error(l.blocks[0].DefRange, "Listener missing", `Add where applications call: listener "unix" { address = "/run/mashproxy.sock" } or listener "tcp" { address = "127.0.0.1:8300" tls_disable = true }.`)
	}
}

// checkCertificate refuses a listener with TLS and nothing to show, which
// Vault Proxy refuses when it starts.
func (l *loader) checkCertificate(f *file, it *ast.ObjectItem, ln *configutil.Listener) {
	if ln.TLSDisable || ln.Type == configutil.Unix && !mentionsTLS(it) {
		return
	}
	if ln.TLSCertFile == "" || ln.TLSKeyFile == "" {
		l.error(f.tree.ItemRange(it), "Certificate missing", "Set tls_cert_file and tls_key_file, or tls_disable = true for plain HTTP.")
	}
}

// metricsOnly is the role of a listener that serves metrics and nothing else.
const metricsOnly = "metrics_only"

// listenerOf is Vault's reading of one listener. It is asked for here, listener
// by listener, because Vault's loader gives none when anything in the file is
// wrong, and stops at the first that is.
func listenerOf(it *ast.ObjectItem) (ln *configutil.Listener, err error) {
	defer func() { // as in loadVault
		if recover() != nil {
			err = errUnreadable
		}
	}()
	stripped := *it
	stripped.Keys = it.Keys[1:]
	found, err := configutil.ParseListeners(&ast.ObjectList{Items: []*ast.ObjectItem{&stripped}})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// refusedListener says what Vault has against the listener with number i of a
// file. Vault's loader says the same of the first one, at the same place.
func (l *loader) refusedListener(f *file, i int, err error) {
	if f.vaultErr == nil {
		return
	}
	message := strings.Replace(err.Error(), "listeners.0", fmt.Sprintf("listeners.%d", i), 1)
	refused := &file{path: f.path, tree: f.tree, vaultErr: fmt.Errorf("error parsing 'listener': %s", message)}
	l.diags = append(l.diags, refused.vaultProblem())
}

// checkReach refuses a TCP listener that others than this machine can reach,
// unless they show a certificate of an authority that is named.
func (l *loader) checkReach(f *file, it *ast.ObjectItem, ln *configutil.Listener) {
	at := f.tree.ItemRange(it)
	if address := item(inside(it), "address"); address != nil {
		at = f.tree.ItemRange(address)
	}
	address := ln.Address
	if address == "" {
		address = "127.0.0.1:8200" // command/agentproxyshared/cache/listener.go
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		l.error(at, fmt.Sprintf("%q is no address to listen on", address), "Write host:port, like 127.0.0.1:8300 or [::1]:8300.")
		return
	}
	if mashery.IsLoopback(host) || verifiesClients(ln) {
		return
	}
	detail := "Whoever reaches a listener of this file is not asked for a token. Listen on a loopback address, or set " +
		"tls_require_and_verify_client_cert = true and tls_client_ca_file, with tls_cert_file and tls_key_file."
	if ln.TLSRequireAndVerifyClientCert && !ln.TLSDisable && ln.TLSClientCAFile == "" {
		detail = "Without tls_client_ca_file a certificate of any public authority would do; name the authority of your clients."
	}
	l.error(at, fmt.Sprintf("%q is open to others", address), detail)
}

func verifiesClients(ln *configutil.Listener) bool {
	return !ln.TLSDisable && ln.TLSRequireAndVerifyClientCert && !ln.TLSDisableClientCerts && ln.TLSClientCAFile != ""
}
