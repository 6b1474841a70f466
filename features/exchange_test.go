// SPDX-License-Identifier: MPL-2.0

package features

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/cucumber/godog"
)

// defineExchange defines how a role goes from mount to mount. The certificate
// and the block are remembered as {pem} and {block}.
func (w *world) defineExchange(s *godog.ScenarioContext) {
	s.Step(`^I write the empty role "([^"]*)"$`, func(ctx context.Context, path string) (err error) {
		w.last, err = w.vault.done(ctx, http.MethodPut, path, map[string]any{})
		return err
	})
	s.Step(`^I take the certificate of "([^"]*)"$`, w.takeCertificate)
	s.Step(`^I export "([^"]*)" to it$`, func(ctx context.Context, path string) error { return w.export(ctx, path, nil) })
	s.Step(`^I export "([^"]*)" to it with$`, w.export)
	s.Step(`^I import the block to "([^"]*)"$`, w.importBlock)
	s.Step(`^somebody changes "([^"]*)" to "([^"]*)" in the block$`, w.tamper)
}

func (w *world) takeCertificate(ctx context.Context, path string) error {
	a, err := w.vault.done(ctx, http.MethodGet, path+"/pem", nil)
	if err != nil {
		return err
	}
	w.last = a
	return w.remember("pem", "pem")
}

func (w *world) export(ctx context.Context, path string, wishes *godog.Table) (err error) {
	data := map[string]any{}
	if wishes != nil {
		data = w.fields(wishes)
	}
	data["pem"] = w.known["pem"]
	if w.last, err = w.vault.ask(ctx, http.MethodPut, path+"/export", data); err != nil || w.last.status != http.StatusOK {
		return err
	}
	return w.remember("pem", "block")
}

func (w *world) importBlock(ctx context.Context, path string) (err error) {
	w.last, err = w.vault.ask(ctx, http.MethodPut, path+"/import", map[string]any{"pem": w.known["block"]})
	return err
}

func (w *world) tamper(from, to string) error {
	if !strings.Contains(w.known["block"], from) {
		return fmt.Errorf("%q is not in the block:\n%s", from, w.known["block"])
	}
	w.known["block"] = strings.Replace(w.known["block"], from, to, 1)
	return nil
}
