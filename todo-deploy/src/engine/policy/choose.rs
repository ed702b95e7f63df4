//! Several policies at one moment: the largest capacity wins.
//!
//! Models "multiple policies in force" (EC2 and Application Auto Scaling user guides): out if any policy wants
//! out, and the one that wants most wins; in only if no policy wants out and all target-tracking policies that
//! may scale in agree, and then the one that removes least wins.

use super::Decision;
use crate::timeline::WhyNot;

/// What one invoked policy decided.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Proposal {
    /// Index of the policy.
    pub(crate) policy: usize,
    pub(crate) decision: Decision,
    /// Index of a target-tracking policy that does not agree to this scale-in.
    pub(crate) disagreement: Option<usize>,
}

/// The policy that is followed, and the capacity it wants.
pub(crate) type Chosen = (usize, u32);

/// A policy that is not, and why.
pub(crate) type Refused = (usize, WhyNot);

/// The proposal that is followed, and for the others why not.
pub(crate) fn choose(
    proposals: Vec<Proposal>,
    desired: u32,
    name: impl Fn(usize) -> String,
) -> (Option<Chosen>, Vec<Refused>) {
    let mut refused = Vec::new();
    let mut wanted = Vec::new();
    for proposal in proposals {
        match (proposal.decision, proposal.disagreement) {
            (Decision::Not(why), _) => refused.push((proposal.policy, why)),
            (Decision::To(to), Some(other)) if to < desired => {
                refused.push((proposal.policy, WhyNot::Disagreement { with: name(other) }));
            }
            (Decision::To(to), _) => wanted.push((proposal.policy, to)),
        }
    }
    // Larger is better in both directions; the earlier policy wins a tie.
    let chosen = wanted.iter().copied().max_by_key(|(policy, to)| (*to, std::cmp::Reverse(*policy)));
    if let Some((winner, _)) = chosen {
        let others = wanted.into_iter().filter(|(policy, _)| *policy != winner);
        refused.extend(others.map(|(policy, _)| (policy, WhyNot::Outranked { by: name(winner) })));
    }
    (chosen, refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(policy: usize, to: u32) -> Proposal {
        Proposal { policy, decision: Decision::To(to), disagreement: None }
    }

    #[test]
    fn the_largest_wins_and_scale_in_needs_agreement() {
        let name = |policy| format!("p{policy}");
        assert_eq!(choose(vec![to(0, 3), to(1, 5), to(2, 1)], 2, name).0, Some((1, 5)));
        assert_eq!(choose(vec![to(0, 1), to(1, 2)], 4, name).0, Some((1, 2)), "removes least");
        let (chosen, refused) = choose(vec![Proposal { disagreement: Some(7), ..to(0, 1) }], 2, name);
        assert_eq!(chosen, None);
        assert_eq!(refused, [(0, WhyNot::Disagreement { with: "p7".to_owned() })]);
    }
}
