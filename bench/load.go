// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// warmUp is how long calls are made before they count.
const warmUp = 200 * time.Millisecond

// measured is what a load has found out.
type measured struct {
	made      int // all calls, those that do not count included
	took      time.Duration
	latencies []time.Duration // sorted
}

func (m measured) perSecond() float64 { return float64(len(m.latencies)) / m.took.Seconds() }

// quantile is the time within which that share of the calls was answered.
func (m measured) quantile(share float64) time.Duration {
	if len(m.latencies) == 0 {
		return 0
	}
	return m.latencies[min(int(share*float64(len(m.latencies))), len(m.latencies)-1)]
}

// load makes the same call on so many connections, each call as soon as the one
// before it was answered. Every answer must be a 200.
func load(target *url.URL, connections int, lasts time.Duration) (measured, error) {
	var (
		callers sync.WaitGroup
		mu      sync.Mutex
		all     measured
		failed  error
	)
	begin := time.Now().Add(warmUp)
	end := begin.Add(lasts)
	for range connections {
		callers.Go(func() {
			made, latencies, err := callUntil(target, begin, end)
			mu.Lock()
			defer mu.Unlock()
			all.made += made
			all.latencies = append(all.latencies, latencies...)
			failed = errors.Join(failed, err)
		})
	}
	callers.Wait()
	all.took = time.Since(begin)
	slices.Sort(all.latencies)
	return all, failed
}

// callUntil makes calls on a connection of its own, and returns how many, and how
// long those took that began after begin.
func callUntil(target *url.URL, begin, end time.Time) (made int, latencies []time.Duration, err error) {
	conn, err := net.Dial("tcp", target.Host)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\nUser-Agent: bench\r\n\r\n", target.RequestURI(), target.Host)
	answers := bufio.NewReader(conn)
	for ; ; made++ {
		began := time.Now()
		if !began.Before(end) {
			return made, latencies, nil
		}
		if _, err := conn.Write(request); err != nil {
			return made, latencies, err
		}
		if err := skipAnswer(answers); err != nil {
			return made, latencies, fmt.Errorf("GET %s: %w", target, err)
		}
		if !began.Before(begin) {
			latencies = append(latencies, time.Since(began))
		}
	}
}

var contentLength = []byte("Content-Length: ")

// skipAnswer reads an answer and throws it away. A client of net/http's would take
// more of the processor than what is measured.
func skipAnswer(answers *bufio.Reader) error {
	status, err := answers.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("the answer is %q", bytes.TrimSpace(status))
	}
	length := -1
	for {
		line, err := answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == len("\r\n") {
			break
		}
		if digits, is := bytes.CutPrefix(line, contentLength); is {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(digits))); err != nil {
				return err
			}
		}
	}
	if length >= 0 {
		_, err = answers.Discard(length)
		return err
	}
	if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(answers)); err != nil {
		return err
	}
	_, err = answers.Discard(len("\r\n")) // there are no trailers
	return err
}
