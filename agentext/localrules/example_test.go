// SPDX-License-Identifier: MPL-2.0

package localrules_test

import (
	"fmt"

	"mashproxy/agentext/localrules"
)

func Example() {
	rules, problems := localrules.New(localrules.Spec{
		Roles: []string{"billing-*"}, V3Paths: []string{"services/+/endpoints"},
		Place: func(string) string { return `listener "unix" (proxy.hcl:12)` },
	})
	fmt.Println(len(problems), rules.Role("billing-eu"), rules.V3Path("services/7/endpoints", "services/7/endpoints"))
	fmt.Println(rules.Role("other"))
	// Output:
	// 0 <nil> <nil>
	// the role "other" is not allowed here by the local rule roles of listener "unix" (proxy.hcl:12)
}
