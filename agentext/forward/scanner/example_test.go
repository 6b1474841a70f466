// SPDX-License-Identifier: MPL-2.0

package scanner_test

import (
	"fmt"

	"mashproxy/agentext/forward/scanner"
)

func Example() {
	s := scanner.New("hvs.secret")
	for _, chunk := range []string{"a line\nhvs.", "sec", "ret and more"} {
		safe, found := s.Next([]byte(chunk))
		fmt.Printf("%q %t\n", safe, found)
	}
	// Output:
	// "a line\n" false
	// "" false
	// "" true
}
