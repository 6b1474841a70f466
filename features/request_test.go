// SPDX-License-Identifier: MPL-2.0

package features

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/cucumber/godog"
)

// defineRequests defines what administrators and programs ask. Reading,
// listing, writing and deleting is done as by Vault's command line.
func (w *world) defineRequests(s *godog.ScenarioContext) {
	s.Step(`^I read "([^"]*)"$`, w.asking(http.MethodGet))
	s.Step(`^I list "([^"]*)"$`, w.asking("LIST"))
	s.Step(`^I delete "([^"]*)"$`, w.asking(http.MethodDelete))
	s.Step(`^I read "([^"]*)" with$`, w.readWith)
	s.Step(`^I write to "([^"]*)"$`, w.write)
	s.Step(`^a program sends (GET|HEAD|LIST|POST|PUT|DELETE) "([^"]*)"$`, w.send)
	s.Step(`^a program sends (POST|PUT) "([^"]*)" with (\{.*\})$`, w.sendBody)
	s.Step(`^a program sends (POST|PUT) "([^"]*)" with the header "([^"]*)" and (\{.*\})$`, w.sendHeader)
	s.Step(`^I renew its lease$`, w.onLease("renew"))
	s.Step(`^I revoke its lease$`, w.onLease("revoke"))
	s.Step(`^the term of the role "([^"]*)" ends$`, w.termEnds)
}

func (w *world) send(ctx context.Context, method, path string) (err error) {
	w.last, err = w.vault.ask(ctx, method, w.expand(path), nil)
	return err
}

func (w *world) sendBody(ctx context.Context, method, path, body string) (err error) {
	w.last, err = w.vault.ask(ctx, method, w.expand(path), w.expand(body))
	return err
}

func (w *world) sendHeader(ctx context.Context, method, path, header, body string) (err error) {
	w.last, err = w.vault.ask(ctx, method, w.expand(path), w.expand(body), header)
	return err
}

func (w *world) asking(method string) func(context.Context, string) error {
	return func(ctx context.Context, path string) error { return w.send(ctx, method, path) }
}

func (w *world) readWith(ctx context.Context, path string, table *godog.Table) error {
	query := make(url.Values)
	for name, value := range w.fields(table) {
		query.Set(name, value.(string))
	}
	return w.send(ctx, http.MethodGet, path+"?"+query.Encode())
}

func (w *world) write(ctx context.Context, path string, table *godog.Table) (err error) {
	w.last, err = w.vault.ask(ctx, http.MethodPut, w.expand(path), w.fields(table))
	return err
}

// onLease does something to the lease of the last answer, or that of before.
func (w *world) onLease(what string) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		if id, _ := w.last.field("lease_id"); id != nil && id != "" {
			w.known["lease"] = text(id)
		}
		if w.known["lease"] == "" {
			return errors.New("there is no lease")
		}
		w.last, err = w.vault.ask(ctx, http.MethodPut, "sys/leases/"+what, map[string]any{"lease_id": w.known["lease"]})
		return err
	}
}

// termEnds waits until a short term is over.
func (w *world) termEnds(ctx context.Context, role string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		a, err := w.vault.done(ctx, http.MethodGet, home+"/roles/"+role, nil)
		if err != nil {
			return err
		}
		if left, _ := a.field("term_remaining"); left == "---EXPIRED---" {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("it has not ended: %v", a)
		}
	}
}
