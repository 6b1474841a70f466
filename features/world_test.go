// SPDX-License-Identifier: MPL-2.0

package features

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/cucumber/godog"

	"mashproxy/mashery"
	"mashproxy/secretsengine"
)

// home is where the engine is mounted in most scenarios.
const home = "mash-creds"

// world is that of one scenario: mounts and a Mashery of its own.
type world struct {
	vault   *server
	mashery *area
	mounts  []string
	last    *answer           // what the last request was answered
	known   map[string]string // what was remembered; {name} stands for it
	crowd   []*answer
}

func newWorld(vault *server) *world { return &world{vault: vault, known: make(map[string]string)} }

// define defines all steps, and what is before and after them.
func (w *world) define(s *godog.ScenarioContext) {
	s.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
		w.mashery = newArea()
		return ctx, nil
	})
	s.After(func(ctx context.Context, _ *godog.Scenario, _ error) (context.Context, error) { return ctx, w.end(ctx) })
	w.defineMounts(s)
	w.defineRoles(s)
	w.defineRequests(s)
	w.defineAnswers(s)
	w.defineMashery(s)
	w.defineCertificates(s)
	w.defineExchange(s)
	w.defineCrowd(s)
}

func (w *world) end(ctx context.Context) error {
	var errs []error
	for _, mount := range w.mounts {
		_, err := w.vault.done(ctx, http.MethodDelete, "sys/mounts/"+mount, nil)
		errs = append(errs, err)
	}
	w.mashery.Close()
	return errors.Join(errs...)
}

// expand puts what was remembered in the place of its name.
func (w *world) expand(text string) string {
	for name, value := range w.known {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// fields are the rows of a table of names and values.
func (w *world) fields(table *godog.Table) map[string]any {
	fields := make(map[string]any)
	for _, row := range table.Rows {
		fields[row.Cells[0].Value] = w.expand(row.Cells[1].Value)
	}
	return fields
}

// secrets are the credentials that the engine keeps, by their names.
func (w *world) secrets() map[string]string {
	c := w.mashery.credentials
	return map[string]string{"API key": c.APIKey.Reveal(), "secret": c.Secret.Reveal(), "password": c.Password.Reveal()}
}

// defineMounts defines where the engine is, and what Vault does to it.
func (w *world) defineMounts(s *godog.ScenarioContext) {
	s.Step(`^the engine$`, func(ctx context.Context) error { return w.mountConfigured(ctx, home) })
	s.Step(`^the engine at "([^"]*)"$`, w.mountConfigured)
	s.Step(`^the engine, not configured$`, func(ctx context.Context) error { return w.mount(ctx, home) })
	s.Step(`^Vault runs the engine from the built binary$`, w.runsBinary)
	s.Step(`^Vault is sealed$`, func(ctx context.Context) error { return w.vault.Seal(ctx) })
	s.Step(`^Vault is unsealed$`, func(ctx context.Context) error { return w.vault.Unseal(ctx) })
	s.Step(`^the plugin is reloaded$`, func(ctx context.Context) error {
		_, err := w.vault.done(ctx, http.MethodPut, "sys/plugins/reload/backend", map[string]any{"plugin": pluginName})
		return err
	})
}

func (w *world) mount(ctx context.Context, path string) error {
	_, err := w.vault.done(ctx, http.MethodPost, "sys/mounts/"+path, map[string]any{
		"type": pluginName,
		"config": map[string]any{
			"allowed_response_headers":    secretsengine.ResponseHeaders(),
			"passthrough_request_headers": secretsengine.RequestHeaders(),
		},
	})
	if err == nil {
		w.mounts = append(w.mounts, path)
	}
	return err
}

func (w *world) mountConfigured(ctx context.Context, path string) error {
	if err := w.mount(ctx, path); err != nil {
		return err
	}
	_, err := w.vault.done(ctx, http.MethodPut, path+"/config", w.mashery.endpoints())
	return err
}

func (w *world) runsBinary(ctx context.Context) error {
	var err error
	if w.last, err = w.vault.done(ctx, http.MethodGet, "sys/mounts/"+home, nil); err != nil {
		return err
	}
	for field, want := range map[string]string{
		"running_sha256": w.vault.binary, "running_plugin_version": secretsengine.Version,
	} {
		if got, _ := w.last.field(field); text(got) != want {
			return errors.New(field + " is " + text(got) + ", want " + want)
		}
	}
	return nil
}

// defineRoles defines the roles that are there.
func (w *world) defineRoles(s *godog.ScenarioContext) {
	s.Step(`^the role "([^"]*)"$`, func(ctx context.Context, name string) error { return w.writeRole(ctx, name, w.all(), nil) })
	s.Step(`^the role "([^"]*)" with$`, func(ctx context.Context, name string, more *godog.Table) error {
		return w.writeRole(ctx, name, w.all(), more)
	})
	s.Step(`^the role "([^"]*)" for V2 alone$`, func(ctx context.Context, name string) error {
		return w.writeRole(ctx, name, w.ofV2(), nil)
	})
}

func (w *world) ofV2() map[string]any {
	c := w.mashery.credentials
	return map[string]any{"area_nid": c.AreaNID, "api_key": c.APIKey.Reveal(), "secret": c.Secret.Reveal(), "qps": 100}
}

func (w *world) all() map[string]any {
	c, fields := w.mashery.credentials, w.ofV2()
	fields["area_id"], fields["username"], fields["password"] = c.AreaID, c.Username, c.Password.Reveal()
	return fields
}

func (w *world) writeRole(ctx context.Context, name string, fields map[string]any, more *godog.Table) error {
	if more != nil {
		for field, value := range w.fields(more) {
			fields[field] = value
		}
	}
	_, err := w.vault.done(ctx, http.MethodPut, home+"/roles/"+name, fields)
	return err
}

// demoCredentials are those of the area that a scenario's roles are for.
func demoCredentials() mashery.Credentials {
	return mashery.Credentials{
		AreaID: "3f0b6c1e-5a0d-4f0e-9d55-7a1c6b2e8d40", AreaNID: 712,
		APIKey: mashery.NewSecret("planted-api-key"), Secret: mashery.NewSecret("planted-secret"),
		Username: "service-account", Password: mashery.NewSecret("planted-password"),
	}
}
