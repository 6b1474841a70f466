Feature: Quotas
  A role may be limited to a time and to a number of uses. Each grant, token and call is one use.

  Background:
    Given the engine

  Scenario: Uses are counted
    Given the role "billing" with
      | explicit_num_uses | 4 |
    When I read "mash-creds/roles/billing/grant?api=2"
    And I read "mash-creds/roles/billing/token"
    And a program sends GET "mash-creds/roles/billing/proxy/v3/services"
    And I read "mash-creds/roles/billing"
    Then it says
      | use_remaining | 1 times (75% used) |

  Scenario: A role without uses left says so
    Given the role "billing" with
      | explicit_num_uses | 1 |
    When I read "mash-creds/roles/billing/grant?api=2"
    Then it works
    When I read "mash-creds/roles/billing/grant?api=2"
    Then it is refused (400): this role has depleted its usage quota
    When I read "mash-creds/roles/billing"
    Then it says
      | use_remaining | ---DEPLETED--- |

  Scenario: New uses may be given
    Given the role "billing" with
      | explicit_num_uses | 1 |
    When I read "mash-creds/roles/billing/grant?api=2"
    And I write to "mash-creds/roles/billing"
      | explicit_num_uses | 5 |
    And I read "mash-creds/roles/billing"
    Then it says
      | use_remaining | 5 times (0% used) |

  Scenario: Five hundred at once spend no use twice
    Given the role "billing" with
      | explicit_num_uses | 200 |
    When 500 programs read "mash-creds/roles/billing/grant?api=2" at once
    Then 200 are answered and all others refused in words, within 30 seconds

  Scenario: A use that came to nothing does not count
    Given the role "billing" with
      | explicit_num_uses | 3 |
    And Mashery has the fault "error,api=token,status=503"
    When I read "mash-creds/roles/billing/grant"
    Then its status is 502
    When I read "mash-creds/roles/billing"
    Then it says
      | use_remaining | 3 times (0% used) |

  Scenario Outline: A term is a number of days or weeks, a date, or a duration
    Given the role "billing" with
      | explicit_term | <term> |
    When I read "mash-creds/roles/billing"
    Then it says
      | term           | <until> |
      | term_remaining | <left>  |

    Examples:
      | term       | until                | left  |
      | 10d        | *T*Z                 | 2*h*s |
      | 2w         | *T*Z                 | 3*h*s |
      | 36h        | *T*Z                 | 3*h*s |
      | 2999-06-07 | 2999-06-07T00:00:00Z | *h*s  |

  Scenario: A role whose term is over says so
    Given the role "billing" with
      | explicit_term | 1s |
    When the term of the role "billing" ends
    And I read "mash-creds/roles/billing/grant?api=2"
    Then it is refused (400): this role has expired (granted until *)

  Scenario: A term that is over already is a mistake
    When I write to "mash-creds/roles/billing"
      | explicit_term | 2020-01-01 |
    Then it is refused (400): role "billing": explicit_term "2020-01-01" has already passed
