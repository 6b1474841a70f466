// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"
)

// shownBody is how many bytes of a body are printed.
const shownBody = 300

// Smoke makes the calls of the banner itself, over TCP and over the unix socket,
// and writes each request and answer to w. The error names every call that was not
// answered as it should be; it is nil when all were.
func (s *Sandbox) Smoke(ctx context.Context, w io.Writer) error {
	var wrong []error
	for _, call := range calls(s.options.Mount) {
		for _, route := range s.routes() {
			if err := smoke(ctx, w, route, call); err != nil {
				wrong = append(wrong, fmt.Errorf("%s %s over %s: %w", call.method, call.path, route.name, err))
			}
		}
	}
	return errors.Join(wrong...)
}

func smoke(ctx context.Context, w io.Writer, r route, c call) error {
	fmt.Fprintf(w, "\n> %s %s  (over %s)\n", c.method, c.path, r.name)
	if c.body != "" {
		fmt.Fprintf(w, "> %s\n", c.body)
	}
	reply, err := r.do(ctx, c)
	if err != nil {
		fmt.Fprintf(w, "! %v\n", err)
		return err
	}
	reply.print(w)
	if err := c.check(reply); err != nil {
		fmt.Fprintf(w, "! %v\n", err)
		return err
	}
	return nil
}

// print shows the status, the headers that matter and the start of the body.
func (a answer) print(w io.Writer) {
	fmt.Fprintf(w, "< %d %s\n", a.status, http.StatusText(a.status))
	for _, name := range []string{
		"Content-Type", "X-Total-Count", "X-Mashery-Error-Code",
		"X-Mashproxy-Source", "X-Mashproxy-Error", "X-Mashproxy-Wait-Ms",
	} {
		for _, value := range a.header.Values(name) {
			fmt.Fprintf(w, "< %s: %s\n", name, value)
		}
	}
	fmt.Fprintf(w, "< %s\n", shorten(a.body))
}

// shorten cuts a body for people, between characters.
func shorten(body []byte) string {
	if len(body) <= shownBody {
		return string(body)
	}
	end := shownBody
	for !utf8.RuneStart(body[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes more)", body[:end], len(body)-end)
}
