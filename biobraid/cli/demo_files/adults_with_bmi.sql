-- Adults with a measured body mass index, from their first measurement on.

-- step: body mass index measured
SELECT m.person_id, MIN(m.measurement_date) AS cohort_start_date
FROM cdm.measurement AS m
WHERE m.measurement_concept_id = 3038553 AND m.value_as_number BETWEEN 12 AND 80
GROUP BY m.person_id

-- step: 40 to 69 years old at that time
SELECT p.person_id, p.cohort_start_date
FROM previous AS p
JOIN cdm.person AS q ON q.person_id = p.person_id
WHERE YEAR(p.cohort_start_date) - q.year_of_birth BETWEEN 40 AND 69

-- step: no heart attack before
SELECT p.person_id, p.cohort_start_date
FROM previous AS p
WHERE NOT EXISTS (
  SELECT 1 FROM cdm.condition_occurrence AS c
  WHERE c.person_id = p.person_id
    AND c.condition_concept_id IN (4329847, 312327)
    AND c.condition_start_date < p.cohort_start_date
)
