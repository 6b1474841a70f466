// SPDX-License-Identifier: MPL-2.0

package features

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/cucumber/godog"
	"golang.org/x/sync/errgroup"
)

// crowd is how many ask at once.
const crowd = 500

// defineCrowd defines what many ask at once. That all of them are answered
// within 30 seconds is patience's doing: who waits longer gets an error.
func (w *world) defineCrowd(s *godog.ScenarioContext) {
	s.Step(`^500 programs read "([^"]*)" at once$`, w.ask500)
	s.Step(`^all are answered within 30 seconds$`, func() error { return w.outcome(crowd, crowd) })
	s.Step(`^(\d+) are answered and all others refused in words, within 30 seconds$`, func(n int) error { return w.outcome(n, n) })
	s.Step(`^at least (\d+) are answered and all others refused in words, within 30 seconds$`, func(n int) error { return w.outcome(n, crowd-1) })
	s.Step(`^all have the same "([^"]*)"$`, w.same)
}

func (w *world) ask500(ctx context.Context, path string) error {
	w.crowd = make([]*answer, crowd)
	all, ctx := errgroup.WithContext(ctx)
	for i := range w.crowd {
		all.Go(func() (err error) {
			w.crowd[i], err = w.vault.ask(ctx, http.MethodGet, path, nil)
			return err
		})
	}
	return all.Wait()
}

// outcome checks how many were answered, and that the others know why not.
func (w *world) outcome(least, most int) error {
	answered := 0
	for _, a := range w.crowd {
		switch {
		case a.status == http.StatusOK:
			answered++
		case a.refusal() == "":
			return fmt.Errorf("one was refused without a word: %v", a)
		}
	}
	if answered < least || answered > most {
		return fmt.Errorf("%d of %d were answered, the last: %v", answered, len(w.crowd), w.crowd[len(w.crowd)-1])
	}
	return nil
}

func (w *world) same(field string) error {
	want, told := w.crowd[0].field(field)
	if !told {
		return fmt.Errorf("there is no %s in %v", field, w.crowd[0])
	}
	for _, a := range w.crowd {
		if got, _ := a.field(field); got != want {
			return errors.New("they differ")
		}
	}
	return nil
}
