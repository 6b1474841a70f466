// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"
)

// vaultLine is a line of Vault's command line.
type vaultLine struct {
	*shell
	client *api.Client
	flags  map[string]string // a flag without a value has "true"
	args   []string
	stdin  string
}

// vault does what Vault's command line does, by Vault's own client.
func (s *shell) vault(args []string, stdin string) (*outcome, error) {
	commands := map[string]func(*vaultLine) (*api.Secret, error){
		"read": (*vaultLine).read, "list": (*vaultLine).list, "write": (*vaultLine).write, "delete": (*vaultLine).delete,
		"path-help": (*vaultLine).pathHelp, "policy write": (*vaultLine).policyWrite,
		"secrets enable": (*vaultLine).secretsEnable, "secrets disable": (*vaultLine).secretsDisable,
		"token create": (*vaultLine).tokenCreate, "lease renew": (*vaultLine).leaseRenew, "lease revoke": (*vaultLine).leaseRevoke,
	}
	for words := min(2, len(args)); words > 0; words-- {
		run := commands[strings.Join(args[:words], " ")]
		if run == nil {
			continue
		}
		client, err := s.client()
		if err != nil {
			return nil, err
		}
		line := &vaultLine{shell: s, client: client, flags: make(map[string]string), stdin: stdin}
		line.parse(args[words:])
		return line.outcome(run(line))
	}
	return nil, fmt.Errorf("vault %s is not known here", strings.Join(args[:min(2, len(args))], " "))
}

// client goes where the shell's variables say.
func (s *shell) client() (*api.Client, error) {
	if s.variables["VAULT_ADDR"] == "" {
		return nil, errors.New("VAULT_ADDR is not set")
	}
	client, err := api.NewClient(&api.Config{
		Address:    s.variables["VAULT_ADDR"],
		HttpClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	})
	if err != nil {
		return nil, err
	}
	client.SetToken(s.variables["VAULT_TOKEN"])
	return client, nil
}

// parse divides flags, which come first, from arguments.
func (l *vaultLine) parse(args []string) {
	for i, arg := range args {
		if len(arg) < 2 || arg[0] != '-' {
			l.args = args[i:]
			return
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !hasValue {
			value = "true"
		}
		l.flags[name] = value
	}
}

// arg is the n-th argument; "" if there is none.
func (l *vaultLine) arg(n int) string {
	if n < len(l.args) {
		return l.args[n]
	}
	return ""
}

func (l *vaultLine) read() (*api.Secret, error) {
	query := make(url.Values)
	for _, field := range l.args[1:] {
		name, value, _ := strings.Cut(field, "=")
		query.Add(name, value)
	}
	return found(l.client.Logical().ReadWithDataWithContext(l.Context(), l.arg(0), query))
}

func (l *vaultLine) list() (*api.Secret, error) {
	return found(l.client.Logical().ListWithContext(l.Context(), l.arg(0)))
}

// found is an error where there is nothing, as on the command line.
func found(secret *api.Secret, err error) (*api.Secret, error) {
	if secret == nil && err == nil {
		return nil, &api.ResponseError{StatusCode: http.StatusNotFound, Errors: []string{"No value found"}}
	}
	return secret, err
}

func (l *vaultLine) write() (*api.Secret, error) {
	data := make(map[string]any)
	for _, field := range l.args[1:] {
		if err := l.field(field, data); err != nil {
			return nil, err
		}
	}
	secret, err := l.client.Logical().WriteWithContext(l.Context(), l.arg(0), data)
	if secret == nil && err == nil {
		return said("Success! Data written to: " + l.arg(0)), nil
	}
	return secret, err
}

// field adds what name=value, name=@file, @file or - stands for.
func (l *vaultLine) field(field string, data map[string]any) error {
	name, value, ok := strings.Cut(field, "=")
	if field == "-" {
		return json.Unmarshal([]byte(l.stdin), &data)
	}
	if !ok || strings.HasPrefix(field, "@") {
		text, err := l.fromFile(field)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &data)
	}
	text, err := l.fromFile(value)
	if value == "-" {
		text = l.stdin
	}
	switch before := data[name].(type) {
	case nil:
		data[name] = text
	case []any:
		data[name] = append(before, text)
	default:
		data[name] = []any{before, text}
	}
	return err
}

func (l *vaultLine) delete() (*api.Secret, error) {
	secret, err := l.client.Logical().DeleteWithContext(l.Context(), l.arg(0))
	if secret == nil && err == nil {
		return said("Success! Data deleted (if it existed) at: " + l.arg(0)), nil
	}
	return secret, err
}

func (l *vaultLine) pathHelp() (*api.Secret, error) {
	help, err := l.client.HelpWithContext(l.Context(), l.arg(0))
	if err != nil {
		return nil, err
	}
	return said(help.Help), nil
}

func (l *vaultLine) policyWrite() (*api.Secret, error) {
	text, err := l.stdin, error(nil)
	if l.arg(1) != "-" {
		text, err = l.fromFile("@" + l.arg(1))
	}
	if err != nil {
		return nil, err
	}
	return said("Success! Uploaded policy: " + l.arg(0)), l.client.Sys().PutPolicyWithContext(l.Context(), l.arg(0), text)
}

func (l *vaultLine) secretsEnable() (*api.Secret, error) {
	mount := &api.MountInput{Type: l.arg(0), Description: l.flags["description"]}
	return said("Success! Enabled the " + l.arg(0) + " secrets engine at: " + l.flags["path"] + "/"),
		l.client.Sys().MountWithContext(l.Context(), l.flags["path"], mount)
}

func (l *vaultLine) secretsDisable() (*api.Secret, error) {
	return said("Success! Disabled the secrets engine (if it existed) at: " + l.arg(0)),
		l.client.Sys().UnmountWithContext(l.Context(), l.arg(0))
}

func (l *vaultLine) tokenCreate() (*api.Secret, error) {
	return l.client.Auth().Token().CreateWithContext(l.Context(), &api.TokenCreateRequest{
		Policies: strings.Split(l.flags["policy"], ","), TTL: l.flags["ttl"],
	})
}

func (l *vaultLine) leaseRenew() (*api.Secret, error) {
	return l.client.Sys().RenewWithContext(l.Context(), l.arg(0), 0)
}

func (l *vaultLine) leaseRevoke() (*api.Secret, error) {
	return said("All revocation operations queued successfully!"), l.client.Sys().RevokeWithContext(l.Context(), l.arg(0))
}

// said is what the command line says in its own words.
func said(text string) *api.Secret {
	return &api.Secret{Data: map[string]any{saidKey: text}}
}

const saidKey = "\x00said"

// outcome is what the command line shows of an answer.
func (l *vaultLine) outcome(secret *api.Secret, err error) (*outcome, error) {
	var refused *api.ResponseError
	switch {
	case errors.As(err, &refused):
		return &outcome{status: refused.StatusCode, text: strings.Join(refused.Errors, "\n")}, nil
	case err != nil:
		return nil, err
	}
	if text, ok := secret.Data[saidKey].(string); ok {
		return &outcome{status: http.StatusOK, text: text + "\n"}, nil
	}
	raw, err := json.Marshal(secret)
	if err != nil {
		return nil, err
	}
	done := &outcome{status: http.StatusOK, text: string(raw), table: table(secret)}
	if name := l.flags["field"]; name != "" {
		value, ok := done.table[name]
		if !ok {
			return nil, fmt.Errorf("there is no field %s", name)
		}
		done.text = fmt.Sprintln(value)
	} else if l.flags["format"] != "json" {
		done.text = shown(done.table)
	}
	return done, json.Unmarshal(raw, &done.value)
}

// table is what the command line shows as keys and values.
func table(secret *api.Secret) map[string]any {
	t := maps.Clone(secret.Data)
	if t == nil {
		t = make(map[string]any)
	}
	if secret.LeaseID != "" {
		t["lease_id"], t["lease_duration"], t["lease_renewable"] = secret.LeaseID, secret.LeaseDuration, secret.Renewable
	}
	if auth := secret.Auth; auth != nil {
		t["token"], t["token_policies"], t["token_duration"] = auth.ClientToken, auth.Policies, auth.LeaseDuration
	}
	return t
}

func shown(t map[string]any) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&text, "%s    %v\n", name, t[name])
	}
	return text.String()
}
